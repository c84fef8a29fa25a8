"""From files to blocks of tokens: text, .gz, .zst and stdin, one sentence per line.

A line of any length is one sentence; its end is an `<eos>` token, as in the book. Blank lines are
no sentences.
"""

import codecs
import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from w2v.errors import ConfigError, CorpusError

EOS = "<eos>"
BLOCK = 1 << 20  # bytes read at a time
ZSTD_BLOCK = 1 << 14  # compressed bytes at a time: what they unpack to has to fit in memory


def read_tokens(
    path: str | Path,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    lowercase: bool = False,
) -> Iterator[list[str]]:
    """The tokens of a text file ("-": stdin), in lists of some thousand, `<eos>` after each line.

    Raises CorpusError for a file that cannot be read, bytes that are not valid in the encoding
    (naming their offset) or NUL bytes, and ConfigError for an encoding that does not exist.
    """
    blocks = decode(byte_blocks(path), str(path), encoding, encoding_errors)
    if lowercase:
        blocks = (block.lower() for block in blocks)
    return tokenize(blocks)


def byte_blocks(path: str | Path) -> Iterator[bytes]:
    """The bytes of a file, unpacked as its ending says. Raises CorpusError if it cannot be read."""
    try:
        if str(path) == "-":
            yield from iter(lambda: sys.stdin.buffer.read(BLOCK), b"")
        elif str(path).endswith(".gz"):
            with gzip.open(path) as file:
                yield from iter(lambda: file.read(BLOCK), b"")
        elif str(path).endswith(".zst"):
            yield from _zstd_blocks(path)
        else:
            with open(path, "rb") as file:
                yield from iter(lambda: file.read(BLOCK), b"")
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise CorpusError(f"{path} is a directory; name a text file in it") from error
    except EOFError as error:
        raise CorpusError(f"{path} is cut off: the compressed data end too early") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{path} is damaged, or not gzip data: {error}") from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error


def _zstd_blocks(path: str | Path) -> Iterator[bytes]:
    import zstandard

    # The frames are walked by hand, because the library's file reader takes the end of a
    # truncated file for the end of its data.
    frame = None
    with open(path, "rb") as file:
        while data := file.read(ZSTD_BLOCK):
            while data:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield frame.decompress(data)
                except zstandard.ZstdError as error:
                    raise CorpusError(f"{path} is damaged, or not zstd data: {error}") from error
                data = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError


def decode(
    blocks: Iterable[bytes], name: str, encoding: str = "utf-8", errors: str = "strict"
) -> Iterator[str]:
    """Blocks of bytes as blocks of text. name: what an error calls the file."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        wide = len("a".encode(encoding)) > 1  # UTF-16 and UTF-32 write zeros into every letter
    except (LookupError, AttributeError, TypeError) as error:
        raise ConfigError(f"--encoding {encoding!r} is not the name of a text encoding") from error
    offset = 0  # of the block's first byte in the file
    for number, block in enumerate(_and_the_end(blocks)):
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
                f"{name}: invalid {encoding} at byte offset {offset - kept + error.start} "
                f"({error.reason}): pass --encoding (latin-1, say) or --encoding-errors replace"
            ) from error
        if wide and "\0" in text:
            raise CorpusError(f"{name}: NUL character in the text: not plain text")
        offset += len(block)
        yield text.removeprefix("\ufeff") if number == 0 else text


def _and_the_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks that hold anything, then an empty one."""
    yield from filter(None, blocks)
    yield b""


def tokenize(blocks: Iterable[str]) -> Iterator[list[str]]:
    """Split blocks of text at white space, wherever the blocks are cut, and mark line ends."""
    begun: list[str] = []  # pieces of the word that the last block was cut in
    in_line = False
    for block in blocks:
        last_word = "" if not block or block[-1].isspace() else block.rsplit(maxsplit=1)[-1]
        if len(last_word) == len(block):
            begun.append(block)
            continue
        text = "".join(begun) + block[: len(block) - len(last_word)]
        begun = [last_word]
        tokens, in_line = _split_lines(text, in_line)
        yield tokens
    tokens, in_line = _split_lines("".join(begun), in_line)
    yield [*tokens, EOS] if in_line else tokens


def _split_lines(text: str, in_line: bool) -> tuple[list[str], bool]:
    """The tokens of a text, and whether it ends within a sentence."""
    tokens: list[str] = []
    *lines, rest = text.split("\n")
    for line in lines:
        words = line.split()
        tokens += words
        if words or in_line:
            tokens.append(EOS)
        in_line = False
    words = rest.split()
    return tokens + words, in_line or bool(words)
