"""The pair of TSV files that TensorBoard's Embedding Projector loads (projector.tensorflow.org).

NAME.tsv has a line of numbers for each word, between tabs, and NAME.meta.tsv the words, in the same
order: a line each, or under a header `word TAB count` where counts are known, since the projector
takes a first line for a header only where there are several columns.
"""

from pathlib import Path

import numpy

from w2v.encodings import is_wide
from w2v.errors import ModelFileError, OutputError
from w2v.files import replacing
from w2v.vectors.formats.files import (
    UTF_8,
    Coding,
    PathName,
    find_words,
    opened_text,
    shown,
    vectors_of,
    words_to_write,
)
from w2v.vectors.formats.text_rows import BLOCK, NUMBERS, TextRows, row_lines
from w2v.vectors.packed_words import Packed
from w2v.vectors.word_vectors import WordVectors

_HEADER = b"word\tcount"
_BLANK = r"\A[\pZ\x{9}-\x{d}\x{1c}-\x{1f}\x{85}]*\z"  # the white space of `str.strip`, or nothing


def metadata_path(path: PathName) -> Path:
    """Where the words of the vectors in NAME.tsv are: NAME.meta.tsv."""
    return Path(path).with_suffix(".meta.tsv")


def read_tsv(
    path: PathName,
    limit: int | None = None,
    coding: Coding = UTF_8,
    *,
    block: int = BLOCK,
) -> WordVectors:
    """Read the first `limit` words of a pair, or all, `block` bytes of the numbers at a time.

    Raises ModelFileError, naming the line.
    """
    with opened_text(path, coding.encoding) as file:
        dim = len(file.readline().split())
    if dim == 0:
        raise ModelFileError(f"{path}, line 1: there are no numbers in it")
    with opened_text(path, coding.encoding) as file:
        rows = TextRows(
            file, path, dim, line=1, promised=None, most=limit, has_word=False, block=block
        ).read()
    metadata = metadata_path(path)
    lines = _lines_of(metadata, path, coding)
    columns = lines[0].split(b"\t")
    header = len(columns) > 1  # no word holds a tab
    lines = lines[header:]
    count = len(rows.matrix)
    if len(lines) < count or (limit is None and len(lines) > count):
        raise ModelFileError(
            f"{metadata}, line {min(len(lines), count) + header + 1:,}: it has {len(lines):,} "
            f"words, and {path} has {count:,} vectors"
        )
    words = [line.partition(b"\t")[0] for line in lines[:count]]
    vectors = vectors_of(
        metadata,
        [numpy.frombuffer(b"".join(words), numpy.uint8)],
        numpy.array([len(word) for word in words], numpy.int64),
        rows.matrix,
        Coding(errors=coding.errors) if is_wide(coding.encoding) else coding,
        lambda row: f"line {row + 1 + header:,}",
    )
    if [column.strip().lower() for column in columns] == _HEADER.split(b"\t") and len(
        vectors
    ) == count:
        vectors.counts = _counts(lines[:count], metadata)
    return vectors


def _lines_of(metadata: Path, path: PathName, coding: Coding) -> list[bytes]:
    if not metadata.exists():
        raise ModelFileError(
            f"there is no model {metadata}, which holds the words of {path}: put them there, a "
            "line each"
        )
    with opened_text(metadata, coding.encoding) as file:
        lines = file.read().split(b"\n")
    if lines.pop():
        raise ModelFileError(
            f"{metadata}, line {len(lines) + 1:,}: the file ends within the line: it is cut off; "
            "if nothing is missing, end the line"
        )
    return [line.removesuffix(b"\r") for line in lines]


def _counts(lines: list[bytes], metadata: Path) -> numpy.ndarray:
    counts = [line.partition(b"\t")[2].strip() for line in lines]
    for row, count in enumerate(counts):
        if not (count.isdigit() and len(count) < 19):
            raise ModelFileError(f"{metadata}, line {row + 2:,}: {shown(count)} is not a count")
    return numpy.array([int(count) for count in counts], numpy.int64)


def check_words(path: PathName, words: Packed) -> None:
    """Raise OutputError if a word has no place in this format.

    Those are words with a tab or the end of a line in it, and words of white space or nothing,
    which the projector leaves out, so that the lines of the two files no longer match.
    """
    unfit = find_words(words, r"[\t\n\r]") or find_words(words, _BLANK)
    if unfit:
        raise OutputError(
            f"cannot write {path}: the word {unfit[0]!r} is empty, or holds a tab or the end of a "
            "line, for which a TSV has no place; choose a name that ends in .safetensors"
        )


def write_tsv(vectors: WordVectors, path: PathName, *, numbers: int = NUMBERS) -> None:
    """Write the pair: numbers that are read again bit by bit, so many at a time.

    Raises OutputError.
    """
    check_words(path, words_to_write(vectors, path))
    if vectors.counts is None:
        lines = list(vectors.words)
    else:
        counted = zip(vectors.words, vectors.counts.tolist(), strict=True)
        lines = [_HEADER.decode(), *(f"{word}\t{count}" for word, count in counted)]
    with replacing(metadata_path(path)) as words, replacing(path) as file:
        words.write("".join(f"{line}\n" for line in lines).encode())
        for block in row_lines(vectors.matrix, separator="\t", numbers=numbers):
            file.write(block)
