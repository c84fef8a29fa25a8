"""word2vec's text format (.txt, .vec), as word2vec.c, gensim and fastText write it.

A line `V H`, then a line for each word: the word and H numbers, between single spaces. GloVe leaves
the first line out. The numbers are the last H fields, so that a word may hold spaces, or be empty:
GloVe's 840B file has such words, which gensim cannot read. No word can hold a newline.
"""

from collections import Counter

from w2v.encodings import is_wide
from w2v.errors import ModelFileError, OutputError
from w2v.vectors.formats.files import (
    UTF_8,
    Coding,
    PathName,
    check_room,
    find_words,
    opened_text,
    read_sizes,
    shown,
    vectors_of,
    words_to_write,
    written,
)
from w2v.vectors.formats.kinds import commas, trailing_numbers
from w2v.vectors.formats.text_rows import BLOCK, NUMBERS, TextRows, refuse_binary, row_lines
from w2v.vectors.packed_words import Packed, arrow_strings
from w2v.vectors.word_vectors import WordVectors

_LONGEST_RUN = 20  # numbers in a word: more are not looked for
_LOOKED_AT = 1 << 24  # bytes by which the dim is told where no header names it
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_ENDS_IN_NUMBER = rf"[ \t]{_NUMBER}\z"


def read_text(
    path: PathName,
    limit: int | None = None,
    header: bool = True,
    dim: int | None = None,
    coding: Coding = UTF_8,
    *,
    block: int = BLOCK,
) -> WordVectors:
    """Read the first `limit` rows, or all, `block` bytes at a time.

    header: whether the file has one. dim: H, for a file without; if it is not named, most of the
    first lines name it. Raises ModelFileError, naming the line.
    """
    promised, line, guessed = None, 1, False
    if not header and dim is None:
        dim, guessed = _dim_without_header(path, coding), True
    with opened_text(path, coding.encoding) as file:
        if header:
            (promised, dim), line = read_sizes(file, path), 2
            rows = promised if limit is None else min(promised, limit)
            check_room(file, path, rows, dim, 2 * dim + 1)
        found = TextRows(
            file,
            path,
            dim or 0,
            line=line,
            promised=promised,
            most=limit,
            guessed=guessed,
            block=block,
        ).read()
    return vectors_of(
        path,
        found.words,
        found.lengths,
        found.matrix,
        Coding(errors=coding.errors) if is_wide(coding.encoding) else coding,
        lambda row: f"line {line + row:,}",
    )


def _dim_without_header(path: PathName, coding: Coding) -> int:
    """H: how many numbers most of the first lines end in, since a word may hold spaces."""
    with opened_text(path, coding.encoding) as file:
        lines = [line.rstrip() for line in file.read(_LOOKED_AT).split(b"\n")[:1000]]
    counts = Counter(trailing_numbers(line) for line in (lines[:-1] or lines) if line)
    # Where as many lines have more numbers, those that have fewer are the damaged ones.
    dim = max(counts, key=lambda count: (counts[count], count), default=0)
    separated = [line for line in lines if commas(line)]
    if 2 * len(separated) > len(lines):
        raise ModelFileError(
            f"{path}, line 1: {shown(lines[0])} cannot be read{commas(separated[0])}"
        )
    if dim < 1:
        refuse_binary(lines[0], path, 1)
        raise ModelFileError(f"{path}, line 1: there is no word with a vector: {shown(lines[0])}")
    first = lines[0].split()
    if len(first) in (2, 3) and len(first) - 1 != dim and all(map(bytes.isdigit, first)):
        raise ModelFileError(
            f"{path}, line 1: {shown(lines[0])} looks like a header, which the file should not "
            "have: " + ("leave out --no-header" if len(first) == 2 else "take that line out of it")
        )
    return dim


def check_words(path: PathName, words: Packed) -> None:
    """Raise OutputError if a word has no place in this format.

    Those are words with a newline, and with a space or tab around them. Nor can most words end in a
    number after a space: that reads like vectors of a larger dim.
    """
    unfit = find_words(words, r"\n")
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} holds a newline, at which the format ends "
            "a line; choose a name that ends in .safetensors"
        )
    unfit = find_words(words, r"\A[ \t]|[ \t]\z")
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} begins or ends in a space or tab, which "
            "the format has around words; choose a name that ends in .safetensors"
        )
    numbered = find_words(words, _ENDS_IN_NUMBER)
    if 2 * len(numbered) > len(words[1]) - 1:
        raise OutputError(
            f"cannot write {path}: most words, as {numbered[0]!r}, end in a number after a space, "
            "which would be taken for a part of the vector; choose a name that ends in .safetensors"
        )


def _check_runs(path: PathName, words: Packed, dim: int) -> None:
    """Raise OutputError if a word holds so many numbers that it reads like a row of its own."""
    run = max(2, dim - 1)
    if run > _LONGEST_RUN:
        return
    unfit = find_words(words, rf"(\A|[ \t]){_NUMBER}([ \t]+{_NUMBER}){{{run - 1}}}([ \t]|\z)")
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} holds as many numbers as a vector of dim "
            f"{dim}, and would be taken for one; choose a name that ends in .safetensors"
        )


def write_text(
    vectors: WordVectors, path: PathName, header: bool = True, *, numbers: int = NUMBERS
) -> None:
    """Write the vectors, so that they are read again bit by bit, `numbers` at a time.

    Raises OutputError.
    """
    packed = words_to_write(vectors, path)
    check_words(path, packed)
    _check_runs(path, packed, vectors.matrix.shape[1])
    with written(path) as file:
        if header:
            file.write(b"%d %d\n" % vectors.matrix.shape)
        for block in row_lines(vectors.matrix, arrow_strings(*packed), numbers=numbers):
            file.write(block)
