"""NumPy's archive (.npz): the arrays of `arrays`, and `training` as a string; no pickle in it.

`numpy.load(path, allow_pickle=False)` reads it. Unlike safetensors it is not mapped.
"""

import zipfile
import zlib
from math import prod

import numpy
from numpy.lib import format as npy

from w2v.errors import ModelFileError
from w2v.files import replacing
from w2v.vectors.formats.arrays import (
    REQUIRED,
    Header,
    check_arrays,
    from_arrays,
    to_arrays,
)
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
                arrays = _read_arrays(archive, path)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ModelFileError(f"{path} is cut off, damaged, or no npz: {error}") from error
        except (ValueError, NotImplementedError, RuntimeError) as error:  # of a header; encrypted
            if isinstance(error, ModelFileError):
                raise
            raise ModelFileError(f"{path} holds no word vectors: {error}") from error
    training = arrays.pop("training", None)
    vectors = from_arrays(arrays, None if training is None else str(training), path, limit)
    if not numpy.isfinite(vectors.matrix).all():
        row = int(numpy.flatnonzero(~numpy.isfinite(vectors.matrix).all(axis=1))[0])
        raise ModelFileError(f"{path}: row {row:,} of W holds NaN or infinity")
    return vectors


def _read_arrays(archive: zipfile.ZipFile, path: PathName) -> dict[str, numpy.ndarray]:
    """The arrays, none of which is unpacked before all are known to fit each other and the file."""
    names = set(archive.namelist())
    headers = {
        name: _read_header(archive, name)
        for name in (*REQUIRED, "counts", "training")
        if f"{name}.npy" in names
    }
    training = headers.pop("training", None)
    if training and (training.shape or training.dtype.kind != "U"):
        raise ValueError(f"training is of type {training.dtype} and shape {training.shape}")
    check_arrays(headers, path)
    return {name: _read(archive, name) for name in [*headers, *(["training"] if training else [])]}


def _read_header(archive: zipfile.ZipFile, name: str) -> Header:
    """The shape and type of an array, once they are known to promise no more than there is."""
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is packed in another way than NumPy packs")
    with archive.open(info) as member:
        version = npy.read_magic(member)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(member)
    room = min(info.file_size, info.compress_size * _INFLATION)
    fits = min(shape, default=0) >= 0 and prod(shape) * dtype.itemsize <= room
    if dtype.hasobject or not fits:
        raise ValueError(f"{name} is of type {dtype} and shape {shape}, in {room:,} bytes")
    return Header(dtype, shape)


def _read(archive: zipfile.ZipFile, name: str) -> numpy.ndarray:
    with archive.open(f"{name}.npy") as member:
        array = npy.read_array(member, allow_pickle=False)
        if member.read(1):
            raise ValueError(f"{name} has more bytes than its header promises")
    return array
