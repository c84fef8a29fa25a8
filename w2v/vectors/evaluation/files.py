"""Reading files of analogies and of word pairs, and finding their words in a vocabulary."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from w2v.errors import InputError


def read_analogies(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """The names of the sections, and for each question its section and its four words.

    A section begins with a line `: name`, as in questions-words.txt of word2vec. Raises
    InputError that says which line cannot be used.
    """
    sections: list[str] = []
    section_of, questions = [], []
    for number, line in numbered_lines(path):
        if line.startswith(":"):
            sections.append(line[1:].strip())
            continue
        words = line.split()
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
        questions.append(words)
    if not questions:
        raise InputError(f"{path} holds no questions: lines of four words")
    return sections, section_of, questions


def read_pairs(path: Path) -> tuple[list[list[str]], list[float]]:
    """Pairs of words and their ratings.

    A line is two words and a number, between tabs, commas or spaces; lines that begin with # and a
    first line of headings do not count. Raises InputError that says which line cannot be used.
    """
    pairs, ratings = [], []
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        separator = next((sign for sign in "\t," if line.count(sign) == 2), None)
        fields = [field.strip() for field in line.split(separator)]
        try:
            first, second, rating = fields[0], fields[1], float(fields[2])
            if len(fields) != 3 or not (first and second and math.isfinite(rating)):
                raise ValueError
        except (IndexError, ValueError):
            if number == 1 and len(fields) == 3:
                continue  # headings
            raise InputError(
                f"{path}: line {number} is not two words and a number: {line!r}"
            ) from None
        pairs.append([first, second])
        ratings.append(rating)
    if not pairs:
        raise InputError(f"{path} holds no word pairs: lines of two words and a number")
    return pairs, ratings


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from error


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
