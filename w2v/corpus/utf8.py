"""Bytes in any encoding as UTF-8, without a byte-order mark."""

import codecs
from collections.abc import Iterable, Iterator

from w2v.corpus.unpacking import refuse_packed
from w2v.errors import ConfigError, CorpusError


def check_encoding(encoding: str) -> str:
    """The canonical name of a text encoding. Raises ConfigError if there is none."""
    try:
        codecs.getincrementaldecoder(encoding)
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, AttributeError, TypeError, UnicodeError) as error:
        raise ConfigError(f"--encoding {encoding!r} is not the name of a text encoding") from error


def to_utf8(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    """Blocks of bytes in an encoding as blocks of UTF-8, without a byte order mark.

    codec: a canonical name, from `check_encoding`. name: what an error calls the file. Valid UTF-8
    passes as it is.
    """
    return _without_bom(_transcoded(blocks, name, codec, errors))


def _transcoded(blocks: Iterable[bytes], name: str, codec: str, errors: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    wide = len("a".encode(codec)) > 1  # UTF-16 and UTF-32 write zeros into every letter
    as_it_is = codec == "utf-8" and errors == "strict"
    offset = 0  # of the block's first byte in the file
    for block in _and_the_end(blocks):
        if offset == 0:
            refuse_packed(block, name)
        if not wide and (place := block.find(b"\0")) >= 0:
            raise CorpusError(
                f"{name}: NUL byte at offset {offset + place}: not plain text "
                "(for UTF-16, pass --encoding utf-16)"
            )
        kept = len(decoder.getstate()[0])  # bytes of a character that began in the block before
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{name}: invalid {codec} at byte offset {offset - kept + error.start} "
                f"({error.reason}): pass --encoding (latin-1, say) or --encoding-errors replace"
            ) from error
        if wide and "\0" in text:
            raise CorpusError(f"{name}: NUL character in the text: not plain text")
        offset += len(block)
        yield block if as_it_is else text.encode("utf-8", "replace")


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
