"""Sentences that a caller of the library hands over, made into lists of words."""

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any

from w2v.corpus.sizes import USUAL
from w2v.corpus.tokenize import NEWLINE
from w2v.errors import CorpusError

SHOWN = 60  # characters of a sentence or a word in an error


def batch_sentences(
    sentences: Iterable[Any], size: int = USUAL.batch, lines: bool = False
) -> Iterator[list[str]]:
    """Ready-made sentences in lists of about `size` words, NEWLINE after each sentence.

    A sentence is whatever gives words one after the other: a list, a generator, a NumPy array, a
    column of pandas or Arrow. lines: it may also be a string, which is split at white space, and at
    line ends into several sentences. Raises CorpusError with the number of a sentence that is
    something else, or holds something other than strings.
    """
    batch: list[str] = []
    for number, sentence in enumerate(sentences, 1):
        if lines and isinstance(sentence, str):
            for line in sentence.split(NEWLINE):
                batch += line.split()
                batch.append(NEWLINE)
        else:
            batch += _words(sentence, number)
            batch.append(NEWLINE)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def batch_lines(sentences: Iterable[Any], size: int = USUAL.block) -> Iterator[bytes]:
    """Strings as blocks of text of about `size` bytes, each string ending its last line.

    Raises CorpusError with the number of one that is not a string.
    """
    lines: list[str] = []
    length = 0
    for number, line in enumerate(sentences, 1):
        if not isinstance(line, str):
            raise CorpusError(
                f"sentence {number} is {_shown(line)}: a tokenizer in Python takes strings"
            )
        lines += [line, NEWLINE]
        length += len(line)
        if length >= size:
            yield _encoded(lines)
            lines, length = [], 0
    if lines:
        yield _encoded(lines)


def _encoded(lines: list[str]) -> bytes:
    try:
        return "".join(lines).encode()
    except UnicodeEncodeError as error:
        raise CorpusError(f"a line of the sentences is not text: {error}") from error


def _words(sentence: Any, number: int) -> list[str]:
    """The words of one sentence, the number-th."""
    words = sentence if type(sentence) is list else _listed(sentence, number)
    if not all(issubclass(kind, str) for kind in set(map(type, words))):
        place, word = next(
            (place, word) for place, word in enumerate(words, 1) if not isinstance(word, str)
        )
        remedy = "decode it" if isinstance(word, bytes) else "leave it out, or make it one by str()"
        raise CorpusError(
            f"sentence {number} is a list whose element {place} is {_shown(word)}, and words are "
            f"strings: {remedy}"
        )
    return [word for word in words if word != NEWLINE] if NEWLINE in words else words


def _listed(sentence: Any, number: int) -> list[Any]:
    """A sentence that is not a list as one."""
    if isinstance(sentence, str):
        raise CorpusError(
            f"sentence {number} is a string, {_shown(sentence)}, and sentences are lists of words, "
            "not strings: put a list of words into a list, [words]; for lines, pass tokenizer="
            "'whitespace', say; for files, a list of pathlib.Path"
        )
    if sentence is None or isinstance(sentence, bytes | float | int | Mapping | PathLike):
        raise CorpusError(
            f"sentence {number} is {_shown(sentence)}, and sentences are lists of words: "
            "leave it out, or make it a list"
        )
    try:
        for method in ("to_pylist", "as_py", "tolist"):  # of Arrow, its scalars, NumPy and pandas
            if hasattr(sentence, method):
                sentence = getattr(sentence, method)()
                return sentence if type(sentence) is list else _listed(sentence, number)
        return list(sentence)
    except CorpusError:
        raise
    except Exception as error:
        raise CorpusError(
            f"sentence {number}, of type {type(sentence).__name__}, does not give a list of words: "
            f"{type(error).__name__}: {error}"
        ) from error


def _shown(value: Any) -> str:
    """A value in an error: its type too, unless that is to be seen."""
    shown = f"{value!r:.{SHOWN}}"
    return shown if isinstance(value, str | bytes | None) else f"{shown} ({type(value).__name__})"
