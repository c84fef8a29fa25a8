"""What the first bytes of a file say that it is, whatever its name: asked before it is read.

Word vectors are published in many shapes, and a download that failed leaves a web page. Each is
named here with what to do about it.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

HEAD = 1 << 16
"""Bytes that are enough to tell."""


class Kind(NamedTuple):
    """A kind of file. format: the name of ours that reads it, or "". remedy: if none does."""

    title: str
    format: str
    remedy: str


_UNPACK = "unpack it, and name the file of vectors that is in it"
_AGAIN = "it is not the file of vectors: download that again"
_LFS = "it only stands for the file of vectors: fetch that with `git lfs pull`"
_FASTTEXT = (
    "take the .vec that is published beside it, or let gensim write text of it: "
    "load_facebook_vectors(...).save_word2vec_format(...)"
)
_GENSIM = (
    "load it in gensim (`KeyedVectors.load`, or `Word2Vec.load(...).wv`), and write it by "
    "`save_word2vec_format`"
)
_SAVE = "load it with the program that wrote it, and save word2vec's format or .safetensors"
_KINDS = [
    (rb"\xba\x16\x4f\x2f", Kind("a fastText model", "", _FASTTEXT)),
    (rb"PK\x03\x04[\s\S]{26}[^\x00/]{1,60}\.npy", Kind("npz", "npz", "")),
    (rb"PK(\x03\x04|\x05\x06)", Kind("a zip archive", "", _UNPACK)),
    (rb"[\s\S]{257}ustar", Kind("a tar archive", "", _UNPACK)),
    (rb"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", "", _UNPACK)),
    (rb"Rar!\x1a\x07", Kind("a RAR archive", "", _UNPACK)),
    (rb"\x04\x22\x4d\x18", Kind("packed with lz4", "", _UNPACK)),
    (rb"\x1f\x9d", Kind("packed with compress (.Z)", "", _UNPACK)),
    (rb"LZIP\x01", Kind("packed with lzip", "", _UNPACK)),
    (rb"\x80[\x02-\x05][\s\S]{0,400}gensim\.", Kind("gensim's own file", "", _GENSIM)),
    (rb"\x80[\x02-\x05][\s\S]{0,400}(word_vecs|_to_)", Kind("the book's pickle", "pickle", "")),
    (rb"\x80[\x02-\x05]", Kind("a pickle of something else", "pickle", _SAVE)),
    (rb"[\s\S]{3}[\x00-\x05]\x00{4}\{", Kind("safetensors", "safetensors", "")),
    (rb"\s*<(?i:!doctype|html|head|\?xml|!--)", Kind("a web page", "", _AGAIN)),
    (rb"\s*\{\s*\"", Kind("JSON", "", _AGAIN)),
    (rb"version https://git-lfs", Kind("a pointer of Git LFS", "", _LFS)),
    (rb"\x93NUMPY", Kind("a NumPy array without words", "", _SAVE)),
    (rb"\x89HDF\r\n", Kind("an HDF5 file", "", _SAVE)),
    (rb"PAR1|ARROW1\x00\x00", Kind("a Parquet or Arrow file", "", _SAVE)),
    (rb"SQLite format 3\x00", Kind("an SQLite database", "", _SAVE)),
    (rb"%PDF-|\x89PNG|\xff\xd8\xff|\x7fELF|\xd0\xcf\x11\xe0", Kind("no data", "", _AGAIN)),
]
_NUMBER = re.compile(rb"[+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?\Z")


def kind_of(head: bytes) -> Kind | None:
    """What a file that begins so is, if its first bytes are those of one kind alone."""
    return next((kind for magic, kind in _KINDS if re.match(magic, head)), None)


def trailing_numbers(line: bytes) -> int:
    """How many numbers a line ends in, apart from its first field, which is a word.

    >>> trailing_numbers(b"iphone 4 .1 -2e-3"), trailing_numbers(b"1 2"), trailing_numbers(b" 1 2")
    (3, 1, 2)
    """
    fields = line.split()
    if not line[:1].isspace():
        fields = fields[1:]
    return next(
        (i for i, field in enumerate(reversed(fields)) if not _NUMBER.match(field)), len(fields)
    )


def header_sizes(line: bytes) -> tuple[int, int] | None:
    """The two numbers of word2vec's header, None for any other line."""
    match = re.fullmatch(rb"[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})\s*", line)
    return (int(match[1]), int(match[2])) if match else None


def commas(text: bytes) -> str:
    """What to do about commas or semicolons between numbers in a line, or after a decimal comma.

    Its first field is a word, and may hold them.
    """
    after_word = re.search(rb"[ \t,;](.*)", text, re.DOTALL)
    found = after_word and re.search(rb"[0-9]([,;])([ \t]*)[+-]?[.0-9]", after_word[1])
    if not found or b"[" in text:
        return ""
    spaced = found[2] or (text.count(b" ") < 2 and text.count(b"\t") < 2)
    if found[1] == b";" or spaced:
        sign = found[1].decode()
        return (
            f"; the numbers have {sign!r} between them: put spaces in its place (`tr '{sign}' ' ' "
            "< OLD > NEW`)"
        )
    return "; a number is written with a point, not a comma"


def has_control(text: bytes) -> bool:
    """Whether what should be text has more control characters than text has."""
    head = text[:4096]
    control = sum(byte < 0x20 and byte not in b"\t\n\v\f\r" for byte in head)
    return control > len(head) // 50


def options_for(head: bytes) -> str | None:
    """The options of `w2v convert` with which a file that begins so is read, None if none is known.

    >>> options_for(b"2 2\\nking .1 .2\\n"), options_for(b"king .1 .2\\nqueen .1 .2\\n")
    ('--from text', '--from text --no-header')
    """
    kind = kind_of(head)
    if kind is not None:
        return None if kind.remedy else f"--from {kind.format}"
    first, *lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    sizes = header_sizes(first)
    rest = b"\n".join(lines)
    if sizes and rest:
        return "--from binary" if has_control(rest) else "--from text"
    counts = [trailing_numbers(line) for line in [first, *lines[:20][:-1]]]
    return "--from text --no-header" if min(counts) > 1 and len(counts) > 1 else None


def convert_line(path: str | Path, options: str) -> str:
    """The command line that reads a file with options, as it can be typed."""
    name = Path(path).name.partition(".")[0] or "vectors"
    target = f"{name}.safetensors"
    if target == Path(path).name:
        target = f"{name}-new.safetensors"
    return f"`w2v convert {shlex.quote(str(path))} {shlex.quote(target)} {options}`"
