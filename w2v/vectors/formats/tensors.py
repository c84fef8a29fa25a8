"""The layout of safetensors files: named arrays with a JSON header, which can be mapped.

8 bytes with the length of the header, the header, and the tensors that it names, without gaps,
numbers little-endian, the first at a multiple of 64 bytes.

The safetensors library reads these files, and its files are read here. It is not used itself: for
NumPy it copies what it reads, where this maps it, and the rest of the format is a short header.
Format: https://github.com/huggingface/safetensors
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy

from w2v.errors import ModelFileError
from w2v.files import replacing
from w2v.vectors.formats.files import PathName, opened

_ALIGNED = 64  # bytes
_LONGEST_HEADER = 100_000_000  # as in the safetensors library
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "|u1"}
_NAMES = {numpy.dtype(kind): name for name, kind in _TYPES.items()}
_WRITTEN = 1 << 26  # bytes that are made contiguous at a time


def write_tensors(
    path: PathName, tensors: Mapping[str, numpy.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write arrays and a table of texts, whole or not at all. Raises OutputError."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    stop = 0
    for name, array in tensors.items():
        start, stop = stop, stop + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": array.shape,
            "data_offsets": [start, stop],
        }
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNED)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            for part in parts(array):
                file.write(part)


def parts(array: numpy.ndarray, size: int = _WRITTEN) -> Iterable[memoryview]:
    """The bytes of an array, about `size` at a time, in the order of its numbers."""
    step = max(1, size * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        rows = numpy.ascontiguousarray(array[start : start + step])
        yield rows.reshape(-1).view(numpy.uint8).data


def read_tensors(
    path: PathName, names: Iterable[str] | None = None
) -> tuple[dict[str, numpy.ndarray], dict[str, Any]]:
    """The arrays of a file, mapped into memory, and its table of texts.

    names: those that are wanted, of which some may be missing; all by default. Raises
    ModelFileError if the file is cut off, damaged, or of another kind.
    """
    with opened(path) as file:
        header, start, size = _read_header(file, path)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ModelFileError(f"{path} is damaged: its metadata are not a table")
        wanted = header if names is None else [name for name in names if name in header]
        tensors = {name: _mapped(file, path, name, header[name], start, size) for name in wanted}
    return tensors, metadata


def _read_header(file: IO[bytes], path: PathName) -> tuple[dict[str, Any], int, int]:
    """The header, where the tensors begin, and how many bytes they have."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > _LONGEST_HEADER:
        raise ModelFileError(
            f"{path} is not a safetensors file: its first 8 bytes are not a length"
        )
    if length > size - 8:
        raise ModelFileError(
            f"{path}, byte {size:,}: the file ends in its header, of {length:,} bytes: it is cut "
            "off, or no safetensors file"
        )
    try:
        header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("it is not a table")
        ends = [int(header[name]["data_offsets"][1]) for name in header if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise ModelFileError(
            f"{path}, byte 8: the header is damaged, or the file is not safetensors: {error}"
        ) from error
    start, stop = 8 + length, 8 + length + max(ends, default=0)
    if size < stop:
        raise ModelFileError(
            f"{path}, byte {size:,}: the file ends here, and its header promises {stop:,} bytes: "
            "it is cut off"
        )
    if size > stop:
        raise ModelFileError(
            f"{path}, byte {stop:,}: more follows after the arrays that the header names"
        )
    return header, start, size - start


def _mapped(
    file: IO[bytes], path: PathName, name: str, about: Any, start: int, size: int
) -> numpy.ndarray:
    """A tensor, mapped, once its entry in the header is known to fit the file."""
    try:
        dtype, shape = numpy.dtype(_TYPES[about["dtype"]]), tuple(about["shape"])
        first, last = about["data_offsets"]
        numbers = (*shape, first, last)
        if not all(type(number) is int and 0 <= number <= size for number in numbers):
            raise ValueError("a size is beyond the file")
        if last - first != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{last - first:,} bytes do not fit its shape")
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(
            f"{path}: its header is damaged, or it holds no word vectors: {name}: {error}"
        ) from error
    if first == last:
        return numpy.empty(shape, dtype)
    array = numpy.asarray(numpy.memmap(file, dtype, "r", start + first, shape))
    return array if array.flags.aligned else array.copy()  # others align less than we do
