"""Word vectors as a few named arrays, which safetensors and npz keep alike.

    W        (V, H) float32 or float16, the vectors, most frequent word first as a rule
    words    (B,)   uint8, the words in UTF-8, one after the other
    offsets  (V+1,) int64: word i is words[offsets[i]:offsets[i + 1]]
    counts   (V,)   int64, how often each word occurs in the text, where that is known

and the options of the training as JSON, where they are known.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy

from w2v.errors import ModelFileError, OutputError
from w2v.vectors.formats.files import PathName, words_to_write
from w2v.vectors.packed_words import PackedWords
from w2v.vectors.word_vectors import WordVectors

REQUIRED = ("W", "words", "offsets")
_SHAPES = {"W": ("f", 2), "words": ("u", 1), "offsets": ("i", 1), "counts": ("i", 1)}


def to_arrays(
    vectors: WordVectors, path: PathName, float16: bool
) -> tuple[dict[str, numpy.ndarray], str | None]:
    """The arrays and the JSON to be written. Raises OutputError for vectors that cannot be."""
    blob, offsets = words_to_write(vectors, path)
    arrays = {"offsets": offsets}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    arrays["W"] = _half(vectors.matrix, path) if float16 else vectors.matrix
    arrays["words"] = blob
    if vectors.training is None:
        return arrays, None
    try:
        return arrays, json.dumps(vectors.training, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise OutputError(f"cannot write {path}: its training is not JSON: {error}") from error


def _half(matrix: numpy.ndarray, path: PathName) -> numpy.ndarray:
    with numpy.errstate(over="ignore"):
        half = matrix.astype(numpy.float16)
    if not numpy.isfinite(half).all():
        largest = float(abs(matrix).max())
        raise OutputError(f"cannot write {path}: a weight of {largest:g} does not fit float16")
    return half


def from_arrays(
    arrays: Mapping[str, numpy.ndarray], training: str | None, path: PathName, limit: int | None
) -> WordVectors:
    """The first `limit` vectors, or all. float32 vectors and the words stay where they are.

    Raises ModelFileError if the arrays do not fit each other.
    """
    for name in REQUIRED:
        if name not in arrays:
            raise ModelFileError(f"{path} holds no word vectors: it has no array {name!r}")
    for name, array in arrays.items():
        narrow = name != "words" or array.itemsize == 1
        if (array.dtype.kind, array.ndim) != _SHAPES[name] or not narrow:
            raise ModelFileError(
                f"{path} holds no word vectors: its array {name!r} is of type {array.dtype} and "
                f"shape {array.shape}"
            )
    matrix, counts = arrays["W"], arrays.get("counts")
    rows = len(matrix)
    if len(arrays["offsets"]) != rows + 1 or (counts is not None and len(counts) != rows):
        raise ModelFileError(
            f"{path} is damaged: {rows:,} vectors do not fit {len(arrays['offsets']) - 1:,} words"
        )
    offsets = arrays["offsets"].astype(numpy.int64, copy=False)
    words = PackedWords(arrays["words"], offsets, str(path)).first(
        rows if limit is None else min(limit, rows)
    )
    return WordVectors(
        words,
        matrix[: len(words)],
        None if counts is None else counts[: len(words)],
        _training(training, path),
        copy=False,
    )


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
