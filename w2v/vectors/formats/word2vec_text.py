"""word2vec's text format (.txt, .vec), as word2vec.c, gensim and fastText write it.

A line `V H`, then a line for each word: the word and H numbers, between single spaces. GloVe leaves
the first line out. The numbers are the last H fields, so that a word may hold spaces, or be empty:
GloVe's 840B file has such words, which gensim cannot read. No word can hold a newline.
"""

from w2v.errors import ModelFileError, OutputError
from w2v.vectors.formats.files import (
    PathName,
    check_room,
    find_words,
    header_sizes,
    opened,
    read_sizes,
    vectors_of,
    words_to_write,
    written,
)
from w2v.vectors.formats.text_rows import BLOCK, NUMBERS, TextRows, row_lines
from w2v.vectors.packed_words import Packed, arrow_strings
from w2v.vectors.word_vectors import WordVectors

_LOOKED_AT = 1 << 24  # bytes by which the dim is told where no header names it
_ENDS_IN_NUMBER = r" [+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"


def read_text(
    path: PathName,
    limit: int | None = None,
    header: bool = True,
    encoding_errors: str = "strict",
    *,
    block: int = BLOCK,
) -> WordVectors:
    """Read the first `limit` rows, or all, `block` bytes at a time.

    header: whether the file has one. encoding_errors: for words that are not valid UTF-8, see
    `vectors_of`. Raises ModelFileError, naming the line.
    """
    promised: int | None = None
    dim = 0 if header else _dim_without_header(path)
    line = 2 if header else 1
    with opened(path) as file:
        if header:
            promised, dim = read_sizes(file, path)
            rows = promised if limit is None else min(promised, limit)
            check_room(path, rows, dim, 2 * dim + 1)
        found = TextRows(
            file, path, dim, line=line, promised=promised, most=limit, block=block
        ).read()
    return vectors_of(
        path,
        found.words,
        found.lengths,
        found.matrix,
        encoding_errors,
        lambda row: f"line {line + row:,}",
    )


def _dim_without_header(path: PathName) -> int:
    """H, from the first lines: the fewest fields of a line, since a word may hold spaces."""
    with opened(path) as file:
        lines = [line.rstrip() for line in file.read(_LOOKED_AT).split(b"\n")[:1000]]
    fields = [line.count(b" ") for line in (lines[:-1] or lines) if line]
    if fields and header_sizes(lines[0]) and max(fields) > 1:
        raise ModelFileError(
            f"{path}, line 1: {lines[0].decode()!r} looks like a header, which the file should not "
            "have: leave out --no-header"
        )
    if not fields or min(fields) < 1:
        raise ModelFileError(f"{path}, line 1: there is no word with a vector")
    return min(fields)


def check_words(path: PathName, words: Packed) -> None:
    """Raise OutputError if a word has no place in this format: one with a newline.

    Nor can all words end in a number after a space: that reads like vectors of a larger dim.
    """
    unfit = find_words(words, r"\n")
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} holds a newline, at which the format ends "
            "a line; choose a name that ends in .safetensors"
        )
    numbered = find_words(words, _ENDS_IN_NUMBER)
    if numbered and len(numbered) == len(words[1]) - 1:
        raise OutputError(
            f"cannot write {path}: every word ends in a number after a space, which would be taken "
            "for a part of its vector; choose a name that ends in .safetensors"
        )


def write_text(
    vectors: WordVectors, path: PathName, header: bool = True, *, numbers: int = NUMBERS
) -> None:
    """Write the vectors, so that they are read again bit by bit, `numbers` at a time.

    Raises OutputError.
    """
    packed = words_to_write(vectors, path)
    check_words(path, packed)
    with written(path) as file:
        if header:
            file.write(b"%d %d\n" % vectors.matrix.shape)
        for block in row_lines(vectors.matrix, arrow_strings(*packed), numbers=numbers):
            file.write(block)
