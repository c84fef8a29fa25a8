"""What the first bytes of a file say that it is, whatever its name."""

import re

HEAD = 1 << 13
"""Bytes that are enough to tell."""

PARQUET = b"PAR1"

_ARCHIVE = "unpack it into a folder, and name that"
_AS_TEXT = "save what is in it as plain text"
_AS_PARQUET = "save the table as .parquet, .csv or .jsonl"
# Offset, magic bytes, what it is, what to do about it.
_OTHERS = [
    (0, b"PK\x03\x04", "a zip archive (as .docx, .xlsx and .epub are)", _ARCHIVE),
    (0, b"PK\x05\x06", "an empty zip archive", _ARCHIVE),
    (257, b"ustar", "a tar archive", _ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _ARCHIVE),
    (0, b"Rar!\x1a\x07", "a RAR archive", _ARCHIVE),
    (0, b"\x04\x22\x4d\x18", "lz4 data", "unpack it first"),
    (0, b"\x1f\x9d", "compress data (.Z)", "unpack it first"),
    (0, b"LZIP", "lzip data", "unpack it first"),
    (0, b"\x5d\0\0", "data of the old LZMA format", "unpack it first"),
    (0, b"ARROW1\0\0", "an Arrow (Feather) file", _AS_PARQUET),
    (0, b"FEA1", "a Feather file", _AS_PARQUET),
    (0, b"ORC", "an ORC file", _AS_PARQUET),
    (0, b"Obj\x01", "an Avro file", _AS_PARQUET),
    (0, b"SQLite format 3\0", "an SQLite database", _AS_PARQUET),
    (0, b"\x89HDF\r\n", "an HDF5 file", _AS_PARQUET),
    (0, b"%PDF-", "a PDF", _AS_TEXT),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an old Microsoft Office", _AS_TEXT),
    (0, b"{\\rtf", "an RTF document", _AS_TEXT),
    (0, b"\x93NUMPY", "a NumPy array", _AS_TEXT),
    (0, b"\x80\x03", "a pickle", _AS_TEXT),
    (0, b"\x80\x04\x95", "a pickle", _AS_TEXT),
    (0, b"\x80\x05\x95", "a pickle", _AS_TEXT),
    (0, b"\x89PNG", "a picture", "name a text"),
    (0, b"\xff\xd8\xff", "a picture", "name a text"),
    (0, b"\x7fELF", "a program", "name a text"),
    (0, b"\xba\x16\x4f\x2f", "vectors of fastText (.bin)", "name a text to train on"),
]
# A letter in front would make these ordinary words: only with what follows them here.
_WORDLIKE = {b"ORC": re.compile(rb"ORC[^\x20-\x7e\t\r\n]"), b"LZIP": re.compile(rb"LZIP\x01")}

_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\Z")


def not_text(head: bytes) -> tuple[str, str] | None:
    """What a file that begins so is, and what to do about it; None for what may be text."""
    for offset, magic, kind, remedy in _OTHERS:
        if head.startswith(magic, offset):
            exact = _WORDLIKE.get(magic)
            if exact is None or exact.match(head):
                return kind, remedy
    return None


def is_vectors(head: bytes) -> bool:
    """Whether a file that begins so holds word vectors in word2vec's text format.

    >>> is_vectors(b"2 3\\nking .1 .2 .3\\n"), is_vectors(b"2 3\\nis no header\\n")
    (True, False)
    """
    first, _, rest = head.partition(b"\n")
    sizes = first.split()
    if len(sizes) != 2 or not all(size.isdigit() for size in sizes):
        return False
    row, end, _ = rest.partition(b"\n")
    numbers = row.split()[1:]
    if not end:  # the row goes on after the head, maybe in the midst of a number
        return len(numbers) > 2 and all(map(_NUMBER.match, numbers[:-1]))
    dim = int(sizes[1])
    return 0 < dim <= len(numbers) and all(map(_NUMBER.match, numbers[-dim:]))


def is_json_lines(head: bytes) -> bool:
    """Whether most lines of a text are JSON objects.

    >>> is_json_lines(b'{"text": "a b"}\\n{"text": "c"}\\n')
    True
    """
    lines = [line.lstrip() for line in head.split(b"\n") if line.strip()]
    objects = sum(line.startswith((b'{"', b'[{"', b'["')) for line in lines)
    return 2 * objects > len(lines)
