"""Bytes in any encoding as UTF-8, without a byte-order mark."""

import codecs
from collections.abc import Iterable, Iterator

from w2v.corpus.kinds import not_text
from w2v.encodings import likely_encodings, wide_encoding
from w2v.errors import CorpusError
from w2v.unpacking import packing

CUT = "it ends within a character, maybe cut off: pass --encoding-errors ignore to leave that out"
TRIED = 1 << 14  # bytes that are tried in other encodings
MOSTLY_UTF8 = 0.5


def to_utf8(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    """Blocks of bytes in an encoding as blocks of UTF-8, without a byte order mark.

    codec: a canonical name, from `encodings.check_encoding`. name: what an error calls the file.
    Valid UTF-8 passes as it is. Raises CorpusError for what is not text, or not in this encoding.
    """
    return _without_bom(_transcoded(blocks, name, codec, errors))


def _transcoded(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    wide = len("a".encode(codec)) > 1  # UTF-16 and UTF-32 write zeros into every letter
    as_it_is = codec == "utf-8" and errors == "strict"
    offset = 0  # of the block's first byte in the file
    for block in _and_the_end(blocks):
        if offset == 0:
            _refuse_other_kinds(block, name, codec, wide)
        if not wide and (place := block.find(b"\0")) >= 0:
            raise CorpusError(f"{name}: NUL byte at offset {offset + place}: not plain text")
        kept = decoder.getstate()[0]  # bytes of a character that began in the block before
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeError as error:
            place = getattr(error, "start", 0)  # some codecs raise UnicodeError without a place
            remedy = _what_to_pass(kept + block, codec, place) if block else CUT
            raise CorpusError(
                f"{name}: invalid {codec} at byte offset {offset - len(kept) + place} "
                f"({getattr(error, 'reason', error)}): {remedy}"
            ) from error
        if wide and "\0" in text:
            raise CorpusError(f"{name}: NUL character in the text: not plain text")
        offset += len(block)
        yield block if as_it_is else text.encode("utf-8", "replace")


def _refuse_other_kinds(head: bytes, name: str, codec: str, wide: bool) -> None:
    """Raise CorpusError where the beginning of a text is that of something else."""
    if kind := packing(head):
        raise CorpusError(f"{name} is packed twice, with {kind} data inside: unpack it first")
    if found := not_text(head):
        raise CorpusError(f"{name} is {found[0]}: {found[1]}")
    if head.startswith(b"PAR1"):
        raise CorpusError(f"{name} is a Parquet file: name the file itself, not packed or as stdin")
    if not wide and b"\0" in head and (encoding := wide_encoding(head)):
        raise CorpusError(
            f"{name} is {encoding.upper()} text, with NUL bytes: pass --encoding {encoding}"
        )
    if codec in ("utf-16", "utf-32") and not head.startswith(
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    ):
        orders = [wide_encoding(head) or f"{codec}-le or {codec}-be"]
        raise CorpusError(
            f"{name} has no byte-order mark, which --encoding {codec} goes by: pass --encoding "
            f"{orders[0]}"
        )


def _what_to_pass(data: bytes, codec: str, place: int) -> str:
    """What to pass for bytes that are not valid in `codec` at `place`: a piece of an error."""
    if codec != "utf-8":
        return "pass the --encoding that the text is in, or --encoding-errors replace"
    if wide := wide_encoding(data):
        return f"it is {wide.upper()} text: pass --encoding {wide}"
    # The lines around the place, so that no character is cut.
    start = data.rfind(b"\n", 0, max(0, place - TRIED // 2)) + 1
    stop = data.find(b"\n", start + TRIED)
    sample = data[start : stop if stop >= 0 else start + TRIED]
    if _share_of_utf8(data) >= MOSTLY_UTF8:
        return "the rest is UTF-8: pass --encoding-errors replace or ignore"
    names = likely_encodings(sample)
    if not names:
        return "pass the --encoding that the text is in, or --encoding-errors replace"
    return (
        f"it can be read as {names}: pass --encoding with the one that makes sense, or "
        "--encoding-errors replace"
    )


def _share_of_utf8(data: bytes) -> float:
    """How many of the characters outside ASCII are UTF-8."""
    letters = [letter for letter in data.decode("utf-8", "replace") if letter > "\x7f"]
    return 1 - letters.count("\ufffd") / max(1, len(letters))


def _and_the_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks that hold anything, then an empty one."""
    yield from filter(None, blocks)
    yield b""


def _without_bom(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for block in blocks:
        head += block
        if len(head) >= len(codecs.BOM_UTF8):
            break
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from blocks
