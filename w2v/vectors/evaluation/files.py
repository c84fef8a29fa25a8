"""Reading files of analogies and of word pairs, and finding their words in a vocabulary."""

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from w2v.errors import InputError
from w2v.text_files import numbered_lines

_COMMENTS = ("#", "//")
_SIGNS = "\t,;"  # between fields; where there is none of them, white space is
_HEADING = re.compile(r"[^\W\d]|[(\[\"']")  # how the heading of a column of numbers begins
_MISSING = {"nan", "na", "n/a", "none", "null", "inf", "infinity"}
_TAG = re.compile(r"[A-Z]{1,5}")  # a part of speech, as between SimLex's words and ratings


def read_analogies(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """The names of the sections, and for each question its section and its four words.

    A section begins with a line `: name`, as in questions-words.txt of word2vec. Between words are
    spaces, or tabs where words hold spaces; lines that begin with # or // do not count. Raises
    InputError that says which line cannot be used.
    """
    sections: list[str] = []
    section_of, questions = [], []
    for number, line in _lines(path):
        if line.startswith(":"):
            sections.append(line[1:].strip())
            continue
        words = line.split("\t") if line.count("\t") == 3 else line.split()
        if len(words) != 4:
            raise InputError(
                f"{path}: line {number} has {len(words)} words where a question has four: {line!r}"
            )
        if not sections:
            raise InputError(
                f"{path}: line {number} is a question before the first section: "
                "begin the file with a line `: NAME`"
            )
        section_of.append(len(sections) - 1)
        questions.append([word.strip() for word in words])
    if not questions:
        raise InputError(f"{path} holds no questions: lines of four words")
    return sections, section_of, questions


def read_pairs(path: Path) -> tuple[list[list[str]], list[float]]:
    """Pairs of words and their ratings.

    A line is two words and, in the same column of each line, a rating: a number, or one with %.
    Between them are tabs, commas, semicolons or spaces, and there may be other columns, as in
    SimLex-999 and Rare Words. Lines that begin with # or //, and headings in the first of the other
    lines, do not count. Raises InputError that says which line cannot be used.
    """
    lines = list(_lines(path))
    separator, column = next((shape for _, line in lines[:2] if (shape := _shape(line))), (None, 2))
    pairs, ratings = [], []
    for place, (number, line) in enumerate(lines):
        fields = _fields(line, separator)
        rating = _rating(fields[column]) if len(fields) > column else None
        if rating is None or not (fields[0] and fields[1]):
            following = _fields(lines[1][1], separator) if place == 0 and len(lines) > 1 else []
            if len(fields) == len(following) and _are_headings(fields, column):
                continue
            raise InputError(
                f"{path}: line {number} is not two words and a number (in column {column + 1}, as "
                f"in the others): {line!r}; headings and comments begin with #"
            )
        pairs.append(fields[:2])
        ratings.append(rating)
    if not pairs:
        raise InputError(f"{path} holds no word pairs: lines of two words and a number")
    return pairs, ratings


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that count, with their numbers."""
    for number, line in numbered_lines(path, InputError):
        if not line.startswith(_COMMENTS):
            yield number, line


def _shape(line: str) -> tuple[str | None, int] | None:
    """What is between the fields of a line, and which column is the rating, or None.

    The rating is the first number after two words. Between spaces, only a tag may come before it,
    since a third word would mean that a word of the pair holds a space.
    """
    separators: list[str | None] = [sign for sign in _SIGNS if len(_fields(line, sign)) > 2]
    for separator in separators or [None]:
        fields = _fields(line, separator)
        for column, field in enumerate(fields[2:], 2):
            if _rating(field) is not None:
                return separator, column
            if separator is None and not _TAG.fullmatch(field):
                break
    return None


def _fields(line: str, separator: str | None) -> list[str]:
    fields = line.split(separator)
    if separator is not None and separator in ",;" and '"' in line:
        with suppress(csv.Error):
            fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    return [field.strip() for field in fields]


def _rating(field: str) -> float | None:
    """A finite number, or one with % after it; None for another field."""
    try:
        rating = float(field.removesuffix("%"))
    except ValueError:
        return None
    return rating if math.isfinite(rating) else None


def _are_headings(fields: list[str], column: int) -> bool:
    """Whether the column of ratings has a name here, and not a rating that cannot be read."""
    name = fields[column] if len(fields) > column else ""
    return bool(_HEADING.match(name)) and name.lower() not in _MISSING


class Lookup:
    """The row of each word of a vocabulary, of the first one where several differ in case only."""

    def __init__(self, words: Sequence[str], case_sensitive: bool):
        self.fold: Callable[[str], str] = str if case_sensitive else str.upper
        self.row_of = {self.fold(words[row]): row for row in range(len(words) - 1, -1, -1)}

    def rows(self, words: Sequence[str]) -> list[int]:
        """The rows of words; -1 for one that is not known."""
        return [self.row_of.get(self.fold(word), -1) for word in words]


def nothing_known(path: Path, count: int, what: str, restrict: int) -> InputError:
    return InputError(
        f"{path}: none of its {count:,} {what} has only words that are among the {restrict:,} most "
        "frequent of the vocabulary: are the vectors of another language?"
    )
