"""From a block of text to its words, each once, and the block as numbers of them.

This is the part of encoding that runs on all cores: what is heavy in it happens in Arrow and NumPy,
outside the interpreter's lock, and no Python code runs for each token.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import numpy
import pyarrow
import pyarrow.compute

from w2v.corpus.blocks import ASCII_SPACE, LONGEST_WORD, SHOWN, WIDE_SPACE, too_long
from w2v.corpus.cleaning import Cleaning
from w2v.errors import CorpusError

NEWLINE = "\n"
"""The word that stands for the end of a sentence."""
PIECE = 1 << 17  # bytes in which white space is looked for at a time

_TRIMMED = ASCII_SPACE.replace(NEWLINE.encode(), b"").decode()
_NEWLINE = ord(NEWLINE)


@dataclass(frozen=True)
class Block:
    """A piece of the stream.

    words: large strings in order of first appearance. NEWLINE marks the end of a sentence, ""
    stands for nothing, and a word may be there twice. ids: (N,) places in words, in as few bytes as
    they need, for blocks wait in memory. counts: of each.
    """

    words: pyarrow.LargeStringArray
    ids: numpy.ndarray
    counts: numpy.ndarray

    @classmethod
    def of(cls, words: pyarrow.LargeStringArray, ids: numpy.ndarray) -> "Block":
        """The block of words and ids, counted."""
        counts = numpy.bincount(ids, minlength=len(words))
        return cls(words, ids.astype(numpy.min_scalar_type(len(words))), counts)


def split_text(text: bytes, cleaning: Cleaning) -> Block:
    """Split UTF-8 text at white space, as `str.split` does, and at line ends; clean the words.

    A token takes the one white space after it along, so that the tokens lie in the text without a
    gap and their offsets are all that Arrow needs to see an array of strings; only the few distinct
    ones are trimmed. A newline is a token of its own.
    """
    if cleaning.split_line is not None:
        return number_tokens(_tokenized(text, cleaning.split_line), cleaning)
    offsets = _token_offsets(text)
    tokens = pyarrow.LargeStringArray.from_buffers(
        len(offsets) - 1, pyarrow.py_buffer(offsets), pyarrow.py_buffer(text)
    ).dictionary_encode()
    words = pyarrow.compute.ascii_rtrim(tokens.dictionary, characters=_TRIMMED)
    ids = tokens.indices.to_numpy()
    if not text.isascii():
        words, ids = _split_at_wide_space(words, ids)
    return _cleaned(words, ids, cleaning)


def _tokenized(text: bytes, split_line: Callable[[str], list[str]]) -> list[str]:
    """The words of each line, with NEWLINE at its end; the text may end in the midst of a line."""
    lines = text.decode().split(NEWLINE)
    ended = [[*split_line(line), NEWLINE] if line.strip() else [NEWLINE] for line in lines[:-1]]
    last = split_line(lines[-1]) if lines[-1].strip() else []
    return [word for words in [*ended, last] for word in words]


def _cleaned(words: pyarrow.LargeStringArray, ids: numpy.ndarray, cleaning: Cleaning) -> Block:
    lengths = pyarrow.compute.binary_length(words)
    if len(words) and pyarrow.compute.max(lengths).as_py() > LONGEST_WORD:
        longest = words[pyarrow.compute.index(lengths, pyarrow.compute.max(lengths)).as_py()]
        raise too_long(longest.as_py()[:SHOWN].encode())
    if cleaning.split is not None:
        words, ids = _split_words(words, ids, cleaning.split)
    if cleaning.changes_words:
        words = _strings(cleaning.clean(words.to_pylist(), kept=NEWLINE))
    return Block.of(words, ids)


def _token_offsets(text: bytes) -> numpy.ndarray:
    """Where the tokens begin, and where the last one ends: int64.

    >>> _token_offsets(b"to be\\nor").tolist()  # "to ", "be", the newline, "or"
    [0, 3, 5, 6, 8]

    A token ends after each white space, and before a newline. Found piece by piece, since what is
    made on the way then stays in the processor's cache.
    """
    data = numpy.frombuffer(text, numpy.uint8)
    pieces = []
    after_space = True  # whether the byte before the piece is white space
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE]
        begins = piece == _NEWLINE
        # NumPy's comparisons leave the interpreter's lock to the other threads; bytes.translate,
        # which takes as long, does not. Unsigned: what is below a range wraps around to above it.
        is_space = (piece - 9 < 5) | (piece - 28 < 5)  # ASCII_SPACE
        begins[0] |= after_space
        begins[1:] |= is_space[:-1]
        after_space = is_space[-1]
        pieces.append(numpy.flatnonzero(begins) + start)
    pieces.append(numpy.array([len(data)], numpy.int64))
    return numpy.concatenate(pieces)


def _split_at_wide_space(
    words: pyarrow.LargeStringArray, ids: numpy.ndarray
) -> tuple[pyarrow.LargeStringArray, numpy.ndarray]:
    """Split the words that hold white space outside ASCII, such as a no-break space."""
    if not pyarrow.compute.any(
        pyarrow.compute.match_substring_regex(words, WIDE_SPACE.pattern)
    ).as_py():
        return words, ids
    return _split_words(words, ids, str.split)


def _split_words(
    words: pyarrow.LargeStringArray, ids: numpy.ndarray, split: Callable[[str], list[str]]
) -> tuple[pyarrow.LargeStringArray, numpy.ndarray]:
    """Put in the place of each word the words, or none, that `split` makes of it; NEWLINE stays.

    >>> words = pyarrow.array(["don't", NEWLINE, "7"], pyarrow.large_string())
    >>> split = {"don't": ["don", "t"], "7": []}.get
    >>> words, ids = _split_words(words, numpy.array([0, 1, 2, 0]), split)
    >>> words.to_pylist(), ids.tolist()
    (['don', 't', '\\n'], [0, 1, 2, 0, 1])
    """
    parts = [[word] if word == NEWLINE else split(word) for word in words.to_pylist()]
    lengths = numpy.array([len(part) for part in parts], numpy.int64)
    if lengths.max(initial=0) <= 1:  # the tokens stay where they are
        return _strings(part[0] if part else "" for part in parts), ids
    starts = numpy.cumsum(lengths) - lengths  # of a word's parts in the list of all parts
    of_token = lengths[ids]
    first = numpy.cumsum(of_token) - of_token  # place of a token's first part in the new stream
    new_ids = numpy.arange(of_token.sum()) + numpy.repeat(starts[ids] - first, of_token)
    return _strings(chain.from_iterable(parts)), new_ids


def number_tokens(tokens: list[str], cleaning: Cleaning) -> Block:
    """The block of a list of words, which are cleaned but not split at white space."""
    coded = _strings(tokens).dictionary_encode()
    return _cleaned(coded.dictionary, coded.indices.to_numpy(), cleaning)


def _strings(words: Iterable[str]) -> pyarrow.LargeStringArray:
    try:
        return pyarrow.array(words, pyarrow.large_string())
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise CorpusError(f"a word of the sentences is not text: {error}") from error
