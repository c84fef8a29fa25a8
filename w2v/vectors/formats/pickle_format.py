"""The book's pickle: `{"word_vecs": float16 (V, H), "word_to_id": ..., "id_to_word": ...}`.

Reading a pickle normally runs whatever code it names. Here nothing that a file names is run: the
few names that NumPy writes into a pickle are answered by inert stand-ins, which only note what
they are given; every other name is refused. The arrays are then made from the notes. What a file
would build is checked before it is built, by `pickle_opcodes`.
"""

import io
import pickle
from collections.abc import Callable
from typing import IO, Any, NoReturn

import numpy

from w2v.errors import ModelFileError, OutputError
from w2v.files import replacing
from w2v.vectors.arguments import shown
from w2v.vectors.formats.arrays import to_half
from w2v.vectors.formats.files import PathName, opened
from w2v.vectors.formats.pickle_opcodes import check_opcodes
from w2v.vectors.word_vectors import WordVectors


def write_pickle(vectors: WordVectors, path: PathName) -> None:
    """Write the book's pickle, whole or not at all.

    Raises OutputError if it cannot be written, or a weight does not fit into float16.
    """
    if vectors.repeated:
        raise OutputError(f"cannot write {path}: a word is listed twice; give each its own name")
    if not numpy.isfinite(vectors.matrix).all():
        raise OutputError(f"cannot write {path}: a vector holds NaN or infinity")
    content = {
        "word_vecs": to_half(vectors.matrix, path, "choose a name that ends in .safetensors"),
        "word_to_id": dict(vectors.index),
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
            vectors = _vectors(_content(file))
        except OSError:  # the file's own
            raise
        except _RefusedName as error:
            raise ModelFileError(f"{path} {error}") from error
        except Exception as error:  # the bytes of a damaged pickle can fail in any way
            if isinstance(error, EOFError) or "truncated" in str(error):
                raise ModelFileError(
                    f"{path} is cut off, or no model: it ends too early; train it again"
                ) from error
            reason = str(error).partition("\n")[0][:200]
            raise ModelFileError(
                f"{path} is not a model: not a pickle of word vectors "
                f"({type(error).__name__}: {reason})"
            ) from error
    if limit is None or limit >= len(vectors):
        return vectors
    return WordVectors(vectors.words[:limit], vectors.matrix[:limit], copy=False)


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
        vectors = WordVectors(words, matrix, copy=False)
    if not numpy.isfinite(vectors.matrix).all():
        raise ValueError("a vector holds NaN, infinite or too large values")
    return vectors


def _content(file: IO[bytes]) -> Any:
    """What a pickle holds, with notes in place of NumPy's objects."""
    data = file.read()
    check_opcodes(data)
    return _InertUnpickler(io.BytesIO(data)).load()


class _RefusedName(Exception):
    """A name in a pickle that is not NumPy's array reconstruction."""

    def __init__(self, module: str, name: str):
        if module.partition(".")[0] == "cupy":
            super().__init__(
                "holds CuPy arrays, and its pickle runs code of CuPy: bring them to the CPU with "
                "`.get()` where it was made, and save again"
            )
        else:
            super().__init__(
                f"is not to be trusted: it asks to run {shown(f'{module}.{name}')}, which word "
                "vectors do not need; nothing was run"
            )


class _StandIn:
    """What a pickle gets for a name: it can be called, and nothing about it can be set.

    A function would keep what a pickle sets in it, its defaults for example, for the next file.
    """

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]):
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, _: Any) -> NoReturn:
        raise ValueError("it changes what reads it")


class _DtypeNotes:
    """Stands in for numpy.dtype: notes the kind of number and the byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str, *_: Any):
        self.code = _checked(code, str)
        self.order = "="

    def __setstate__(self, state: tuple) -> None:
        if any(isinstance(part, tuple) for part in state):
            raise ValueError("an array of more than one kind of numbers")
        self.order = _checked(state[1], str)

    def build(self) -> numpy.dtype:
        """The type. Raises ValueError unless it is a plain number."""
        if self.code not in {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}:
            raise ValueError(f"arrays of type {self.code!r} are not word vectors")
        if self.order not in ("<", ">", "=", "|"):
            raise ValueError(f"a byte order of {self.order!r}")
        return numpy.dtype(f"{self.order}{self.code}")


class _ArrayNotes:
    """Stands in for numpy.ndarray: notes shape, type and bytes, and builds the array at the end."""

    __slots__ = ("state",)

    def __init__(self, kind: Any, *_: Any):
        _checked(kind, _StandIn)
        self.state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, is_fortran, data = state
        self.state = data, dtype, shape, "F" if is_fortran else "C"

    @classmethod
    def from_buffer(cls, data: Any, dtype: Any, shape: Any, order: str = "C") -> "_ArrayNotes":
        """What NumPy's `_frombuffer` is asked for, in pickles of protocol 5."""
        notes = cls(_NDARRAY)
        notes.state = data, _checked(dtype, _DtypeNotes), shape, _checked(order, str)
        return notes

    def build(self) -> numpy.ndarray:
        """The array. Raises ValueError if its bytes do not fit its shape."""
        data, dtype, shape, order = self.state
        if not isinstance(dtype, _DtypeNotes) or len(shape) != 2:
            raise ValueError("word_vecs is not a table of numbers")
        return numpy.frombuffer(data, dtype.build()).reshape(shape, order=order)


def _scalar(dtype: _DtypeNotes, data: bytes) -> Any:
    """Stands in for NumPy's `scalar`: ids may be NumPy integers, and words NumPy strings.

    Example: a dtype of code U2 and order "<", b"a\0\0\0\0\0\0\0" -> "a"
    """
    _checked(dtype, _DtypeNotes)
    if dtype.code.startswith("U"):
        order = "be" if dtype.order == ">" else "le"
        return _checked(data, bytes).decode(f"utf-32-{order}").rstrip("\0")
    return numpy.frombuffer(data, dtype.build())[0].item()


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """Stands in for `_codecs.encode`, by which old protocols write bytes."""
    if encoding != "latin1":
        raise ValueError(f"bytes written as {encoding!r}")
    return _checked(text, str).encode("latin1")


def _checked(value: Any, kind: type) -> Any:
    """The value, once it is known to be of this type: else, a tuple could be nested in it."""
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} where NumPy writes a {kind.__name__}")
    return value


_NDARRAY = _StandIn(_ArrayNotes)
_STAND_INS = {
    ("numpy", "dtype"): _StandIn(_DtypeNotes),
    ("numpy", "ndarray"): _NDARRAY,
    ("_codecs", "encode"): _StandIn(_latin1_bytes),
}
for _core in ("numpy.core", "numpy._core"):  # as NumPy 1 and NumPy 2 write it
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _NDARRAY
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _StandIn(_scalar)
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _StandIn(_ArrayNotes.from_buffer)


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise _RefusedName(module, name) from None
