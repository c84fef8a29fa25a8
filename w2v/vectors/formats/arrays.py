"""Word vectors as a few named arrays, which safetensors and npz keep alike.

    W        (V, H) float32 or float16, the vectors, most frequent word first as a rule
    words    (B,)   uint8, the words in UTF-8, one after the other
    offsets  (V+1,) int64: word i is words[offsets[i]:offsets[i + 1]]
    counts   (V,)   int64, how often each word occurs in the text, where that is known

and the options of the training as JSON, where they are known.
"""

import json
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from w2v.errors import ModelFileError, OutputError, W2VWarning
from w2v.vectors.formats.files import PathName, words_to_write
from w2v.vectors.packed_words import PackedWords
from w2v.vectors.word_vectors import WordVectors

REQUIRED = ("W", "words", "offsets")
_SHAPES = {"W": ("f", 2), "words": ("u", 1), "offsets": ("i", 1), "counts": ("i", 1)}
_FAINT = 2.0**-20  # float16 has 16 steps up to here, and 1,024 from 2**-14 on
_LOST = 1e-3  # of the weights may become 0: far more than by chance


def to_arrays(
    vectors: WordVectors, path: PathName, float16: bool
) -> tuple[dict[str, numpy.ndarray], str | None]:
    """The arrays and the JSON to be written. Raises OutputError for vectors that cannot be."""
    blob, offsets = words_to_write(vectors, path)
    arrays = {"offsets": offsets}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    remedy = "leave out --float16"
    arrays["W"] = to_half(vectors.matrix, path, remedy) if float16 else vectors.matrix
    arrays["words"] = blob
    if vectors.training is None:
        return arrays, None
    try:
        return arrays, json.dumps(vectors.training, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise OutputError(f"cannot write {path}: its training is not JSON: {error}") from error


def to_half(matrix: numpy.ndarray, path: PathName, remedy: str) -> numpy.ndarray:
    """The vectors in float16, 2,048 of whose steps are between one power of two and the next.

    Raises OutputError for a weight that is too large for it, and for a vector whose weights are all
    so small that most of their digits are lost. Warns where many weights become 0.
    """
    with numpy.errstate(over="ignore", under="ignore"):
        half = matrix.astype(numpy.float16)
    if not numpy.isfinite(half).all():
        largest = max(matrix.max(), -matrix.min())
        raise OutputError(
            f"cannot write {path}: a weight of {largest:g} does not fit float16; {remedy}"
        )
    sizes = numpy.maximum(matrix.max(axis=1, initial=0), -matrix.min(axis=1, initial=0))
    if (faint := (sizes > 0) & (sizes < _FAINT)).any():
        raise OutputError(
            f"cannot write {path}: the vector in row {int(faint.argmax()):,} has no weight above "
            f"{sizes[faint.argmax()]:g}, which is too small for float16; {remedy}"
        )
    weights, lost = numpy.count_nonzero(matrix), numpy.count_nonzero(matrix[half == 0])
    if lost > _LOST * weights:
        warnings.warn(
            f"{path}: {lost:,} of {weights:,} weights are too small for float16, and become 0",
            W2VWarning,
            stacklevel=2,
        )
    return half


class Header(NamedTuple):
    """What is known of an array before it is read."""

    dtype: numpy.dtype
    shape: tuple[int, ...]


def check_arrays(arrays: Mapping[str, Header | numpy.ndarray], path: PathName) -> None:
    """Raise ModelFileError if arrays, of which no number is looked at, do not fit each other."""
    for name in REQUIRED:
        if name not in arrays:
            raise ModelFileError(f"{path} holds no word vectors: it has no array {name!r}")
    for name, array in arrays.items():
        narrow = name != "words" or array.dtype.itemsize == 1
        if (array.dtype.kind, len(array.shape)) != _SHAPES[name] or not narrow:
            raise ModelFileError(
                f"{path} holds no word vectors: its array {name!r} is of type {array.dtype} and "
                f"shape {array.shape}"
            )
    rows, words = arrays["W"].shape[0], arrays["offsets"].shape[0] - 1
    if words != rows or ("counts" in arrays and arrays["counts"].shape[0] != rows):
        raise ModelFileError(f"{path} is damaged: {rows:,} vectors do not fit {words:,} words")


def from_arrays(
    arrays: Mapping[str, numpy.ndarray], training: str | None, path: PathName, limit: int | None
) -> WordVectors:
    """The first `limit` vectors, or all. float32 vectors and the words stay where they are.

    Raises ModelFileError if the arrays do not fit each other.
    """
    check_arrays(arrays, path)
    matrix, counts = arrays["W"], arrays.get("counts")
    offsets = arrays["offsets"].astype(numpy.int64, copy=False)
    words = PackedWords(arrays["words"], offsets, str(path))
    if limit is not None and limit < len(words):
        words = words.first(limit)
    counts = None if counts is None else counts[: len(words)]
    if counts is not None and counts.min(initial=0) < 0:
        row = int((counts < 0).argmax())
        raise ModelFileError(f"{path} is damaged: the count of row {row:,} is {counts[row]:,}")
    matrix = matrix[: len(words)]
    return WordVectors(words, matrix, counts, _training(training, path), copy=False)


def _training(text: str | None, path: PathName) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        training = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: its training is not JSON: {error}") from error
    if not isinstance(training, dict):
        raise ModelFileError(f"{path} is damaged: its training is not a table of options")
    return training
