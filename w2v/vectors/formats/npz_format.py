"""NumPy's archive (.npz): the arrays of `arrays`, and `training` as a string; no pickle in it.

`numpy.load(path, allow_pickle=False)` reads it. Unlike safetensors it is not mapped.
"""

import zipfile
import zlib
from math import prod
from typing import IO

import numpy
from numpy.lib import format as npy

from w2v.errors import ModelFileError
from w2v.files import replacing
from w2v.vectors.formats.arrays import REQUIRED, from_arrays, to_arrays
from w2v.vectors.formats.files import PathName, opened
from w2v.vectors.word_vectors import WordVectors

_INFLATION = 1032  # the most that a byte of deflate unpacks to


def write_npz(vectors: WordVectors, path: PathName, float16: bool = False) -> None:
    """Write the vectors with all that is known of them. Raises OutputError.

    float16: keep half of each weight's bits, in half of the space.
    """
    arrays, training = to_arrays(vectors, path, float16)
    more = {} if training is None else {"training": numpy.array(training)}
    with replacing(path) as file:
        numpy.savez(file, **arrays, **more)  # type: ignore[arg-type]


def read_npz(path: PathName, limit: int | None = None) -> WordVectors:
    """Read the first `limit` vectors, or all. Raises ModelFileError."""
    with opened(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                arrays = {
                    name: _read(archive, name)
                    for name in (*REQUIRED, "counts", "training")
                    if f"{name}.npy" in archive.namelist()
                }
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ModelFileError(f"{path} is cut off, damaged, or no npz: {error}") from error
        except (ValueError, NotImplementedError, RuntimeError) as error:  # of a header; encrypted
            raise ModelFileError(f"{path} holds no word vectors: {error}") from error
    training = arrays.pop("training", None)
    vectors = from_arrays(arrays, None if training is None else str(training), path, limit)
    if not numpy.isfinite(vectors.matrix).all():
        row = int(numpy.flatnonzero(~numpy.isfinite(vectors.matrix).all(axis=1))[0])
        raise ModelFileError(f"{path}: row {row:,} of W holds NaN or infinity")
    return vectors


def _read(archive: zipfile.ZipFile, name: str) -> numpy.ndarray:
    """An array, once its header is known to promise no more than there is."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        shape, _, dtype = _read_header(member)
        room = min(info.file_size, info.compress_size * _INFLATION)
        if dtype.hasobject or prod(shape) * dtype.itemsize > room:
            raise ValueError(f"{name} is of type {dtype} and shape {shape}, in {room:,} bytes")
    with archive.open(info) as member:
        array = npy.read_array(member, allow_pickle=False)
        if member.read(1):
            raise ValueError(f"{name} has more bytes than its header promises")
    return array


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, numpy.dtype]:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(member)
