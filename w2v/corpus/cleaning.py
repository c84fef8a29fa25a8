"""What is done to the words of a text before they are counted: each step is an option.

In this order: each word between white space is brought into a Unicode form, cut by the tokenizer,
turned to lower case, and left out if it is too short or a stop word; then sentences of too few
words are left out (`sentences`).
"""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from w2v.config import TextConfig
from w2v.corpus.python_tokenizer import SplitLine, is_python, line_splitter, source_key
from w2v.corpus.stop_words import read_stop_words
from w2v.errors import ConfigError

Split = Callable[[str], list[str]]

# A letter and what belongs to it: marks above and below, and the joiners that Persian and the
# scripts of India write inside words. Letters are those of all scripts, Hangul and kana among them.
_WORD = r"[{first}](?:[{first}\p{{M}}]|[\u200c\u200d](?=\p{{L}}))*"
_LETTERS = _WORD.format(first=r"\p{L}")
_LETTERS_AND_NUMBERS = _WORD.format(first=r"\p{L}\p{N}")
_REGEX = "regex:"


@dataclass(frozen=True)
class Cleaning:
    """The steps of a configuration, ready to be taken.

    split: cuts a word without white space into the words to take; None leaves it whole. split_line:
    makes the words of a whole line, in place of splitting it at white space.
    """

    split: Split | None
    split_line: SplitLine | None
    lowercase: bool
    min_length: int
    stop_words: frozenset[str]

    @classmethod
    def of(cls, config: TextConfig) -> "Cleaning":
        """Raises ConfigError for a tokenizer or a file of stop words that cannot be used."""
        words = (
            frozenset[str]() if config.stop_words is None else read_stop_words(config.stop_words)
        )
        split = _splitter(config)
        split_line = line_splitter(config.tokenizer) if is_python(config.tokenizer) else None
        if config.normalize:
            form: Any = config.normalize.upper()
            words = frozenset(unicodedata.normalize(form, word) for word in words)
            split = _normalizing(form, split)
            split_line = split_line and _of_normal_line(form, split_line)
        if config.lowercase:
            words = frozenset(word.lower() for word in words)
        return cls(split, split_line, config.lowercase, config.min_length, words)

    @property
    def changes_words(self) -> bool:
        """Whether `clean` does anything."""
        return self.lowercase or self.min_length > 1 or bool(self.stop_words)

    def clean(self, words: Iterable[str], kept: str) -> list[str]:
        """Each word as it goes on, "" for one that is left out. kept: stays as it is."""
        if self.lowercase:
            words = [word.lower() for word in words]
        least, stop_words = self.min_length, self.stop_words
        return [
            word if (len(word) >= least and word not in stop_words) or word == kept else ""
            for word in words
        ]

    @property
    def stop_words_key(self) -> str | None:
        """What tells this list of stop words from others; None if there are none."""
        if not self.stop_words:
            return None
        digest = hashlib.sha256("\n".join(sorted(self.stop_words)).encode()).hexdigest()
        return f"{len(self.stop_words)} words, SHA-256 {digest[:16]}"

    @staticmethod
    def tokenizer_key(tokenizer: str) -> str:
        """What tells this tokenizer from others: its name, and the source of one in Python."""
        return source_key(tokenizer) if is_python(tokenizer) else tokenizer


def _splitter(config: TextConfig) -> Split | None:
    name = config.tokenizer
    if config.keep_numbers and name != "words":
        raise ConfigError(
            f"--keep-numbers has no meaning for --tokenizer {name}: add --tokenizer words"
        )
    if name == "whitespace" or is_python(name):
        return None
    if name == "words":
        find = _finder(_LETTERS_AND_NUMBERS if config.keep_numbers else _LETTERS)
        # A word of letters alone, as most are, need not go through the pattern.
        return lambda word: [word] if word.isalpha() else find(word)
    if not name.startswith(_REGEX):
        raise ConfigError(
            f"--tokenizer is whitespace, words, {_REGEX}PATTERN or python:module:function, not "
            f"{name!r}; for letters from a to z alone: {_REGEX}[a-zA-Z]+"
        )
    return _finder(name.removeprefix(_REGEX))


def _normalizing(form: Any, split: Split | None) -> Split:
    """What brings a word into a Unicode form, cuts it where that puts a space, and then splits it.

    Example, for NFKC: "\uff41\u3000b" and no other split -> ["a", "b"]
    """

    def normalize_and_split(word: str) -> list[str]:
        normal = unicodedata.normalize(form, word)
        parts = normal.split() if word.split() == [word] else [normal]
        return parts if split is None else [piece for part in parts for piece in split(part)]

    return normalize_and_split


def _of_normal_line(form: Any, split_line: SplitLine) -> SplitLine:
    """What brings a line into a Unicode form before Python's tokenizer sees it."""
    return lambda line: split_line(unicodedata.normalize(form, line))


def _finder(pattern: str) -> Split:
    """What finds all matches of a regular expression. Raises ConfigError if it is none."""
    import regex

    try:
        compiled = regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ConfigError(
            f"--tokenizer {_REGEX}{pattern} is not a regular expression: {error}"
        ) from error
    if compiled.groups == 0:
        return compiled.findall
    return lambda word: [match[0] for match in compiled.finditer(word)]
