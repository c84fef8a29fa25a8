"""The book's pickle: `{"word_vecs": float16 (V, H), "word_to_id": ..., "id_to_word": ...}`.

Reading a pickle normally runs whatever code it names. Here nothing that a file names is run: the
few names that NumPy writes into a pickle are answered by inert stand-ins, which only note what
they are given; every other name is refused. The arrays are then made from the notes. (A file made
for it can still exhaust memory or the stack of this process, as any pickle can.)
"""

import pickle
from typing import Any

import numpy

from w2v.errors import ModelFileError, OutputError
from w2v.files import replacing
from w2v.vectors.formats.arrays import to_half
from w2v.vectors.formats.files import PathName, opened
from w2v.vectors.word_vectors import WordVectors


def write_pickle(vectors: WordVectors, path: PathName) -> None:
    """Write the book's pickle, whole or not at all.

    Raises OutputError if it cannot be written, or a weight does not fit into float16.
    """
    if len(vectors.index) < len(vectors):
        raise OutputError(f"cannot write {path}: a word is listed twice; give each its own name")
    if not numpy.isfinite(vectors.matrix).all():
        raise OutputError(f"cannot write {path}: a vector holds NaN or infinity")
    content = {
        "word_vecs": to_half(vectors.matrix, path, "choose a name that ends in .safetensors"),
        "word_to_id": vectors.index,
        "id_to_word": dict(enumerate(vectors.words)),
    }
    with replacing(path) as file:
        pickle.dump(content, file, protocol=pickle.HIGHEST_PROTOCOL)


def read_pickle(path: PathName, limit: int | None = None) -> WordVectors:
    """Read the book's pickle, of any protocol and NumPy, without running anything in it.

    limit: keep only so many words, after reading all. Raises ModelFileError if there is no such
    file, if it is cut off or no pickle, if it names code (which is not run), or if it holds
    something other than word vectors.
    """
    with opened(path) as file:
        try:
            vectors = _vectors(_InertUnpickler(file).load())
        except OSError:  # the file's own
            raise
        except _RefusedName as error:
            raise ModelFileError(
                f"{path} is not to be trusted: it asks to run {error}, which word vectors do not "
                "need; nothing was run"
            ) from error
        except Exception as error:  # the bytes of a damaged pickle can fail in any way
            if isinstance(error, EOFError) or "truncated" in str(error):
                raise ModelFileError(
                    f"{path} is cut off, or no model: it ends too early; train it again"
                ) from error
            reason = str(error).partition("\n")[0]
            raise ModelFileError(
                f"{path} is not a model: not a pickle of word vectors "
                f"({type(error).__name__}: {reason})"
            ) from error
    if limit is None or limit >= len(vectors):
        return vectors
    return WordVectors(vectors.words[:limit], vectors.matrix[:limit])


def _vectors(content: Any) -> WordVectors:
    if not isinstance(content, dict):
        raise TypeError(f"it holds a {type(content).__name__}, not a dict")
    array, id_to_word = content["word_vecs"], content["id_to_word"]
    if not isinstance(array, _ArrayNotes):
        raise TypeError(f"word_vecs is a {type(array).__name__}, not an array")
    matrix = array.build()
    words = [id_to_word[row] for row in range(len(matrix))]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("a word is not a string")
    if len(set(words)) != len(words) or len(id_to_word) != len(words):
        raise ValueError(f"{len(matrix)} vectors do not fit {len(id_to_word)} words")
    with numpy.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        vectors = WordVectors(words, matrix)
    if not numpy.isfinite(vectors.matrix).all():
        raise ValueError("a vector holds NaN, infinite or too large values")
    return vectors


class _RefusedName(Exception):
    """A name in a pickle that is not NumPy's array reconstruction."""


class _DtypeNotes:
    """Stands in for numpy.dtype: notes the kind of number and the byte order."""

    def __init__(self, code: str, *_: Any):
        self.code = str(code)
        self.order = "="

    def __setstate__(self, state: tuple) -> None:
        self.order = str(state[1])

    def build(self) -> numpy.dtype:
        """The type. Raises ValueError unless it is a plain number."""
        if self.code not in {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}:
            raise ValueError(f"arrays of type {self.code!r} are not word vectors")
        if self.order not in ("<", ">", "=", "|"):
            raise ValueError(f"a byte order of {self.order!r}")
        return numpy.dtype(f"{self.order}{self.code}")


class _ArrayNotes:
    """Stands in for numpy.ndarray: notes shape, type and bytes, and builds the array at the end."""

    def __init__(self, *_: Any):
        self.state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, is_fortran, data = state
        self.state = data, dtype, shape, "F" if is_fortran else "C"

    @classmethod
    def from_buffer(cls, data: Any, dtype: Any, shape: Any, order: str = "C") -> "_ArrayNotes":
        """What NumPy's `_frombuffer` is asked for, in pickles of protocol 5."""
        notes = cls()
        notes.state = data, dtype, shape, order
        return notes

    def build(self) -> numpy.ndarray:
        """The array. Raises ValueError if its bytes do not fit its shape."""
        data, dtype, shape, order = self.state
        if not isinstance(dtype, _DtypeNotes) or len(shape) != 2:
            raise ValueError("word_vecs is not a table of numbers")
        return numpy.frombuffer(data, dtype.build()).reshape(shape, order=order)


def _scalar(dtype: _DtypeNotes, data: bytes) -> Any:
    """Stands in for NumPy's `scalar`: ids may be NumPy integers."""
    return numpy.frombuffer(data, dtype.build())[0].item()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """Stands in for `_codecs.encode`, by which old protocols write bytes."""
    if encoding != "latin1":
        raise ValueError(f"bytes written as {encoding!r}")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DtypeNotes,
    ("numpy", "ndarray"): _ArrayNotes,
    ("_codecs", "encode"): _latin1_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # as NumPy 1 and NumPy 2 write it
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _ArrayNotes
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _ArrayNotes.from_buffer


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _RefusedName(repr(f"{module}.{name}")) from None
