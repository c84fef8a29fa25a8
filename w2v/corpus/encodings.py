"""Advice on a text that is not in the encoding that was asked for."""

import re
import unicodedata
from itertools import pairwise

from w2v.corpus.kinds import wide_encoding

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
TRIED = 1 << 14  # bytes that are tried
SHOWN = 3  # encodings that are named
MOSTLY_UTF8 = 0.5


def what_to_pass(data: bytes, codec: str, place: int) -> str:
    """What to pass for bytes that are not valid in `codec` at `place`: a piece of an error."""
    if codec != "utf-8":
        return "pass the --encoding that the text is in, or --encoding-errors replace"
    if wide := wide_encoding(data[: 1 << 12]):
        return f"it is {wide.upper()} text: pass --encoding {wide}"
    # The lines around the place, so that no character is cut.
    start = data.rfind(b"\n", 0, max(0, place - TRIED // 2)) + 1
    stop = data.find(b"\n", start + TRIED)
    sample = data[start : stop if stop >= 0 else start + TRIED]
    if _share_of_utf8(data) >= MOSTLY_UTF8:
        return "the rest is UTF-8: pass --encoding-errors replace or ignore"
    found = sorted(_readings(sample), key=lambda reading: -reading[0])[:SHOWN]
    if not found:
        return "pass the --encoding that the text is in, or --encoding-errors replace"
    names = ", ".join(f"{name} ({shown!r})" for _, name, shown in found)
    return (
        f"it can be read as {names}: pass --encoding with the one that makes sense, or "
        "--encoding-errors replace"
    )


def _share_of_utf8(data: bytes) -> float:
    """How many of the characters outside ASCII are UTF-8."""
    letters = [letter for letter in data.decode("utf-8", "replace") if letter > "\x7f"]
    return 1 - letters.count("\ufffd") / max(1, len(letters))


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
            one.isalpha() and two.isalpha() and one.isascii() != two.isascii()
            for one, two in pairwise(text)
        )
    if name in ("shift_jis", "euc_jp") and not re.search("[\u3041-\u30fa]", text):
        usual //= 2  # Japanese is not written without kana
    return (usual - odd) / len(wide) + 0.3 * (name in MULTI_BYTE)  # whose bytes are rarely valid


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
