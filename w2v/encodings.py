"""What encoding a text is in, as its bytes show: for texts to train on and for all other files."""

import codecs
import re
import unicodedata
from itertools import pairwise

from w2v.errors import ConfigError

_MARKS = {  # that of UTF-32 begins as that of UTF-16 does
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

USUAL = {
    "cp949": ("HANGUL",),
    "shift_jis": ("HIRAGANA", "KATAKANA", "CJK UNIFIED"),
    "euc_jp": ("HIRAGANA", "KATAKANA", "CJK UNIFIED"),
    "gb18030": ("CJK UNIFIED",),
    "big5": ("CJK UNIFIED",),
    "cp1255": ("HEBREW",),
    "cp1251": ("CYRILLIC",),
    "koi8_r": ("CYRILLIC",),
    "cp1253": ("GREEK",),
    "cp1256": ("ARABIC",),
    "cp874": ("THAI",),
    "cp1252": ("LATIN",),
    "cp1250": ("LATIN",),
}
"""The encodings that are tried, and how Unicode's names of their everyday letters begin.

Of two that are as likely, the first is named first.
"""
MULTI_BYTE = ("cp949", "shift_jis", "euc_jp", "gb18030", "big5")
SHOWN = 3  # encodings that are named
LOOKED_AT = 1 << 12  # bytes that show whether a text is UTF-16 or UTF-32


def mark_of(head: bytes) -> tuple[bytes, str] | None:
    """The byte-order mark with which a text begins, and the encoding that it stands for."""
    return next(((mark, name) for mark, name in _MARKS.items() if head.startswith(mark)), None)


def wide_encoding(head: bytes) -> str | None:
    """The name of the UTF-16 or UTF-32 that a text is in, by its byte-order mark or its zeros.

    >>> wide_encoding("가 나\\n다 라\\n".encode("utf-16-le"))
    'utf-16-le'
    """
    _, marked = mark_of(head) or (b"", "utf-8")
    if marked != "utf-8":
        return marked[: len("utf-16")]
    head = head[:LOOKED_AT]
    for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        size = int(name[4:6]) // 8
        text = head[: len(head) // size * size].decode(name, "replace")
        # Text in another byte order has no spaces; what is not text has characters of control.
        spaces = sum(text.count(space) for space in " \t\n")
        odd = sum(not (letter.isprintable() or letter.isspace()) for letter in text)
        if spaces and odd + text.count("\ufffd") <= len(text) // 50:
            return name
    return None


def check_encoding(encoding: str) -> str:
    """The canonical name of a text encoding. Raises ConfigError if there is none."""
    try:
        codecs.getincrementaldecoder(encoding)
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, AttributeError, TypeError, UnicodeError) as error:
        raise ConfigError(
            f"--encoding {encoding!r} is not the name of a text encoding, such as utf-8 or cp1252"
        ) from error


def is_wide(encoding: str) -> bool:
    """Whether ASCII is other bytes in an encoding: UTF-16, UTF-32, and what mainframes use."""
    ascii = bytes(range(32, 127))
    return ascii.decode(encoding, "replace").encode("utf-8", "replace") != ascii


def likely_encodings(sample: bytes) -> str:
    """Encodings in which bytes that are not UTF-8 can be read, likeliest first, and how that looks.

    "" if there are none. The sample may end within a character.

    >>> likely_encodings(b"caf\\xe9").split(", ")[0]
    "cp1252 ('café')"
    """
    found = sorted(_readings(sample), key=lambda reading: -reading[0])[:SHOWN]
    return ", ".join(f"{name} ({shown!r})" for _, name, shown in found)


def _readings(sample: bytes) -> list[tuple[float, str, str]]:
    """What the sample is in each of the encodings: how likely, the encoding, a piece."""
    found = []
    for name in USUAL:
        try:
            text = sample.decode(name)
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 4:  # not the last character, which may be cut
                continue
            text = sample[: error.start].decode(name)
        if not text.isascii():
            found.append((_likelihood(name, text), name, _piece(text)))
    return found


def _likelihood(name: str, text: str) -> float:
    """How far the letters outside ASCII are everyday ones, in words of one script and sane case."""
    wide = [letter for letter in text if letter > "\x7f"]
    usual = sum(_is_usual(letter, name) for letter in wide)
    odd = sum(one.isalpha() and two.isupper() for one, two in pairwise(text))
    if USUAL[name] != ("LATIN",):
        odd += sum(
            _is_in_words(one) and _is_in_words(two) and one.isascii() != two.isascii()
            for one, two in pairwise(text)
        )
    if name in ("shift_jis", "euc_jp") and not re.search("[\u3041-\u30fa]", text):
        usual //= 2  # Japanese is not written without kana
    return (usual - odd) / len(wide) + 0.3 * (name in MULTI_BYTE)  # whose bytes are rarely valid


def _is_in_words(letter: str) -> bool:
    """Whether it is a letter, or a mark on one."""
    return unicodedata.category(letter)[0] in "LM"


def _is_usual(letter: str, name: str) -> bool:
    if name == "gb18030":  # the more frequent half of GB 2312
        return 0xB0 <= letter.encode(name)[0] <= 0xD7
    if name == "cp949":  # the Hangul of KS X 1001, without the syllables that were added to it
        lead, trail = (letter.encode(name) + b"\0")[:2]
        return 0xB0 <= lead <= 0xC8 and trail >= 0xA1
    return unicodedata.name(letter, "").startswith(USUAL[name])


def _piece(text: str) -> str:
    """The first words that have letters outside ASCII."""
    words = [word for word in text.split() if not word.isascii()]
    return " ".join(words)[:12]
