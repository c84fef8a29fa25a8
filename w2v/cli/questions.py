"""What is asked, as it is typed or piped: words, quoted words, and vectors a line."""

import io
import re
import sys
import unicodedata
from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

import click

from w2v.errors import ConfigError, InputError

_FORM = "w2v.unicode-form"


def _keep_form(context: click.Context, _: click.Parameter, form: str | None) -> None:
    context.meta[_FORM] = form


normalize_option = click.option(
    "--normalize",
    type=click.Choice(["nfc", "nfd", "nfkc", "nfkd"]),
    is_eager=True,  # before the words that it is for
    expose_value=False,
    callback=_keep_form,
    help="Bring the words asked for into this Unicode form.",
)


def as_asked(text: str) -> str:
    """Text in the Unicode form that --normalize names."""
    context = click.get_current_context(silent=True)
    form = context.meta.get(_FORM) if context else None
    return unicodedata.normalize(form.upper(), text) if form else text


class _Word(click.ParamType):
    name = "word"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        return as_asked(value)


WORD = _Word()


def stdin_lines() -> Iterator[tuple[int, str]]:
    """The lines of stdin that are not empty, with their numbers; bytes that are not UTF-8 become
    replacement characters, which no word of a vocabulary holds by chance.
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    for number, line in enumerate(sys.stdin, 1):
        line = line.removeprefix("\ufeff") if number == 1 else line
        if line.strip():
            yield number, line.strip()


class Token(NamedTuple):
    """A part of a question. is_quoted: it is a word, whatever signs and spaces are in it."""

    text: str
    is_quoted: bool = False


_TOKENS = re.compile(r'([+-]?)"((?:[^"]|"")+)"(?!\S)|(\S+)')


def split_question(question: str) -> list[Token]:
    """The words and signs of a question; what is between double quotes is one word.

    Example: 'king - "new york"' -> king, -, new york; a quote within quotes is written twice.
    """
    tokens = []
    for sign, quoted, plain in _TOKENS.findall(question):
        if plain:
            tokens.append(Token(as_asked(plain)))
            continue
        tokens += [Token(sign)] if sign else []
        tokens.append(Token(as_asked(quoted.replace('""', '"')), is_quoted=True))
    return tokens


def check_quotes(tokens: Iterable[Token], known: Container[str]) -> None:
    """Raise ConfigError for a quote that is open: a plain token begins with it, and is no word."""
    for text, is_quoted in tokens:
        if not is_quoted and text.lstrip("+-").startswith('"') and text not in known:
            raise ConfigError(
                f'a double quote is not closed: {text} (a quote within quotes is written twice, "")'
            )


def read_vectors(
    lines: Iterable[tuple[int, str]], dim: int, known: Container[str]
) -> Iterator[tuple[str, Any]]:
    """Vectors of `dim` numbers from numbered lines, each with its name, or "line N" without one.

    As in files of vectors, the last `dim` fields are the vector and what is before them the name.
    known: words, which may look like numbers. Raises InputError that says which line cannot be
    used, or that there is none.
    """
    empty = True
    for number, line in lines:
        empty = False
        fields = list(re.finditer(r"[^\s,]+", line))
        start = fields[-dim].start() if len(fields) >= dim else 0
        name, is_name = _name(line, start)
        if len(fields) < dim or not (is_name or name in known):
            raise InputError(f"line {number} of stdin{_misfit(line, len(fields), dim)}")
        yield name or f"line {number}", _vector(number, [field[0] for field in fields[-dim:]])
    if empty:
        raise InputError("there are no vectors on stdin: write one a line")


def _name(line: str, start: int) -> tuple[str, bool]:
    """What is before the vector, and whether it cannot be numbers that are too many."""
    name, between = line[:start].rstrip(), r"\s+"
    if "," in line[start:] or line[:start].endswith(","):
        name, between = name.removesuffix(",").rstrip(), r"[\s,]+"
    parts = re.split(between, name)
    return name, len(parts) < 2 or not all(map(_is_number, parts))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _misfit(line: str, fields: int, dim: int) -> str:
    """What is wrong with a line of other than `dim` numbers."""
    if line[0] in "[{":
        return " is JSON: vectors come as lines of numbers, without --json"
    if not any(map(_is_number, re.split(r"[\s,]+", line))):
        return f" holds no vector of dim {dim}: words are put to `w2v ask`"
    return f": {fields} numbers do not fit vectors of dim {dim}"


def _vector(number: int, fields: list[str]) -> Any:
    import numpy

    try:
        with numpy.errstate(over="ignore"):  # too large becomes infinite, and is refused
            vector = numpy.array(fields, float).astype(numpy.float32)
    except ValueError as error:
        raise InputError(f"line {number} of stdin holds no vector: {error}") from error
    if not numpy.isfinite(vector).all():
        raise InputError(f"line {number} of stdin holds NaN, infinite or too large values")
    return vector
