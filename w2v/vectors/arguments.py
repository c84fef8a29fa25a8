"""What users hand to word vectors, checked once: words, vectors, weights and whole numbers.

Each function takes what notebooks hold (lists, tuples, arrays and columns of words, NumPy's
numbers) and raises ConfigError, which says what is taken, for anything else.
"""

import math
import operator
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy

from w2v.backend import to_cpu
from w2v.errors import ConfigError

Item = str | numpy.ndarray | tuple[str | numpy.ndarray, float]
"""What a query is made of: a word or a vector (H,), by itself or with a weight."""

Items = str | numpy.ndarray | Mapping[str, float] | Iterable[Item] | None

Weighted = list[tuple[str | numpy.ndarray, float]]
"""Words and vectors with their weights."""

_FRACTIONS = (float, numpy.floating)


def to_words(words: Any) -> list[str]:
    """One word, or several, as a list of strings.

    Example: "king" -> ["king"]; numpy.array(["king", "queen"]) -> ["king", "queen"]
    """
    if isinstance(words, str) or not _is_many(words):
        return [to_word(words)]
    words = words if isinstance(words, list) else list(words)
    if set(map(type, words)) <= {str}:
        return words
    return [to_word(word) for word in words]


def to_word(word: Any) -> str:
    """A word: Python's string, or NumPy's."""
    if isinstance(word, numpy.ndarray) and word.ndim == 0:
        word = word.item()
    if not isinstance(word, str):
        raise not_a_word(word)
    return str(word)


def not_a_word(given: Any) -> ConfigError:
    """The error for what stands where a word should."""
    hint = ""
    if isinstance(given, int | numpy.integer | slice):
        hint = "; rows are those of vectors.matrix and vectors.words"
    elif isinstance(given, bytes):
        hint = "; decode them first"
    return ConfigError(f"words are strings (and vectors arrays), not {shown(given)}{hint}")


def to_items(given: Any, weight: float) -> Weighted:
    """Words and vectors, each with its own weight, or with `weight`.

    Example: ["king", ("queen", 0.5)] and weight -1.0 -> [("king", -1.0), ("queen", 0.5)]
    """
    if given is None:
        return []
    is_one = isinstance(given, str) or not _is_many(given) or _is_vector(given)
    if is_one or (isinstance(given, tuple) and _is_pair(given)):
        return [_to_item(given, weight)]
    items = given.items() if isinstance(given, Mapping) else given
    return [_to_item(item, weight) for item in items]


def _to_item(item: Any, weight: float) -> tuple[str | numpy.ndarray, float]:
    if _is_pair(item):
        item, own = item
        return _to_item(item, to_weight(own))
    if isinstance(item, str) or not _is_many(item):
        return to_word(item), weight
    return to_numbers(item), weight


def _is_many(given: Any) -> bool:
    """Whether there is something to go through: an array, a list or a generator."""
    is_scalar = isinstance(given, bytes | bytearray) or getattr(given, "shape", None) == ()
    return hasattr(given, "__iter__") and not is_scalar


def _is_vector(given: Any) -> bool:
    """Whether this is one row of numbers: an array, or a list of fractions."""
    if isinstance(given, list | tuple):
        return bool(given) and all(isinstance(number, _FRACTIONS) for number in given)
    if len(getattr(given, "shape", ())) != 1:
        return False
    first = next(iter(given), "")
    return isinstance(first, Real) or (hasattr(first, "dtype") and not isinstance(first, str))


def _is_pair(given: Any) -> bool:
    """Whether this is a word or vector, with something beside it that is neither."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        return False
    return (isinstance(given[0], str) or _is_many(given[0])) and not hasattr(given[1], "__len__")


def to_weight(given: Any) -> float:
    """A finite number."""
    if not isinstance(given, Real) or not math.isfinite(given):
        raise ConfigError(f"the weight of a word is a number, not {shown(given)}")
    return float(given)


def to_numbers(given: Any) -> numpy.ndarray:
    """An array of finite float32."""
    try:
        with numpy.errstate(over="ignore"):  # too large becomes infinite, and is refused
            array = numpy.asarray(to_cpu(given))
            if array.dtype.kind not in "fiubO":
                raise TypeError(f"they are of type {array.dtype}")
            array = array.astype(numpy.float32, copy=False)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"vectors are made of numbers, not {shown(given)}: {error}") from error
    if not numpy.isfinite(array).all():
        raise ConfigError("a vector holds NaN, infinite or too large values")
    return array


def check_shape(array: numpy.ndarray, *shape: int) -> None:
    """Raise ConfigError unless an array has this shape, (H,) or (n, H)."""
    if array.shape == shape:
        return
    found = " x ".join(map(str, array.shape)) or "1"
    if len(shape) == 1:
        raise ConfigError(f"a vector of {found} numbers does not fit vectors of dim {shape[0]}")
    raise ConfigError(f"vectors of {found} numbers do not fit {shape[0]:,} words of dim {shape[1]}")


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """A whole number, of Python or NumPy, that is at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ConfigError(f"{name} is a whole number, not {shown(value)}") from None
    if least is not None and number < least:
        raise ConfigError(f"{name} is at least {least}, not {number}")
    return number


def shown(given: Any, most: int = 60) -> str:
    """A value as errors show it, in one short line."""
    text = " ".join(repr(given).split())
    return text if len(text) <= most else f"{text[:most]} ..."
