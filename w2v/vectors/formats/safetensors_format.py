"""safetensors (.safetensors): the format for keeping. No code can run, and it is mapped as it is.

The tensors are offsets, counts, W and words, as in `arrays`. The header's `__metadata__` holds
`w2v`, the version of this layout, and `training`, the options of the training as JSON. The words
need no parser, and W is not read until it is used: what it holds is checked then.
"""

from w2v.errors import ModelFileError
from w2v.vectors.formats.arrays import REQUIRED, from_arrays, to_arrays
from w2v.vectors.formats.files import PathName
from w2v.vectors.formats.tensors import read_tensors, write_tensors
from w2v.vectors.word_vectors import WordVectors

VERSION = "1"


def write_safetensors(vectors: WordVectors, path: PathName, float16: bool = False) -> None:
    """Write the vectors with all that is known of them. Raises OutputError.

    float16: keep half of each weight's bits, in half of the space.
    """
    arrays, training = to_arrays(vectors, path, float16)
    metadata = {"w2v": VERSION} | ({} if training is None else {"training": training})
    write_tensors(path, arrays, metadata)


def read_safetensors(path: PathName, limit: int | None = None) -> WordVectors:
    """Map the first `limit` vectors, or all, into memory.

    W stays in the file if it is float32, and the words do until they are asked for. Raises
    ModelFileError if the file is cut off, damaged, or of another kind.
    """
    arrays, metadata = read_tensors(path, (*REQUIRED, "counts"))
    if metadata.get("w2v", VERSION) != VERSION:
        raise ModelFileError(
            f"{path} is of version {metadata['w2v']}, not {VERSION}: it needs another w2v"
        )
    return from_arrays(arrays, metadata.get("training"), path, limit)
