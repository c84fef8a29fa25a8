"""A checkpoint: all that it takes to go on with a training, in a safetensors file.

It is a file of vectors as well, W with its words and counts, so that a run can be asked while it
goes on. Beside them are the tensors of the training's `State`; its numbers, the sum of the text and
a sum of each tensor's bytes are JSON in the header's metadata.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from w2v.checksums import checksum
from w2v.errors import ModelFileError
from w2v.vectors.formats.safetensors_format import VERSION
from w2v.vectors.formats.tensors import parts, read_tensors, write_tensors


@dataclass
class State:
    """What a training needs to go on.

    tensors: by name, W_in and W_out first; on a CPU they are the training's own, which move on.
    numbers: what is JSON: places, counts, losses.
    """

    tensors: dict[str, numpy.ndarray]
    numbers: dict[str, Any]

    def copy(self) -> "State":
        """The same, in memory of its own: also the lists of losses, which grow."""
        tensors = {name: numpy.array(tensor) for name, tensor in self.tensors.items()}
        return State(tensors, copy.deepcopy(self.numbers))

    def tables(self, names: Iterable[str], shape: tuple[int, ...]) -> list[numpy.ndarray]:
        """The tensors of these names. Raises ModelFileError if they are not there, or not (V, H).

        shape: V and H.
        """
        for name in names:
            found = self.tensors[name].shape if name in self.tensors else None
            if found != shape:
                raise ModelFileError(
                    f"the checkpoint does not fit: its {name} is of shape {found}, not {shape}"
                )
        return [self.tensors[name] for name in names]

    def numbers_of(self, names: Iterable[str]) -> dict[str, Any]:
        """The numbers of these names. Raises ModelFileError for one that is not there."""
        for name in names:
            if name not in self.numbers:
                raise ModelFileError(
                    f"the checkpoint is of another way of training: it has no {name}"
                )
        return {name: self.numbers[name] for name in names}

    @property
    def size(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


@dataclass(frozen=True)
class Described:
    """What every checkpoint of a run holds alike.

    tensors: words, offsets and counts of the vocabulary. training: the options that are recorded
    with the vectors. text: the sum of the encoded text.
    """

    tensors: dict[str, numpy.ndarray]
    training: dict[str, Any]
    text: str


def write_checkpoint(path: Path, state: State, described: Described) -> None:
    """Write a checkpoint, whole or not at all. Raises OutputError."""
    tensors = {**described.tensors, **state.tensors}
    tensors["W"] = tensors.pop("W", tensors["W_in"])
    if tensors["W"] is tensors["W_in"]:
        del tensors["W_in"]  # once is enough
    metadata = {
        "w2v": VERSION,
        "training": json.dumps(described.training, ensure_ascii=False),
        "numbers": json.dumps(state.numbers),
        "text": described.text,
    }
    sums = {name: tensor_sum(tensor) for name, tensor in tensors.items()}
    sums["metadata"] = _metadata_sum(metadata)
    write_tensors(path, tensors, metadata | {"sums": json.dumps(sums)})


def read_checkpoint(path: Path) -> tuple[State, str]:
    """The state in a checkpoint, mapped, and the sum of the text that it was trained on.

    Raises ModelFileError if it is damaged or something else: every byte of it is read.
    """
    tensors, metadata = read_tensors(path)
    try:
        sums = json.loads(metadata.pop("sums"))
        if sums.pop("metadata") != _metadata_sum(metadata):
            raise ValueError("its metadata are not as they were written")
        numbers, text = json.loads(metadata["numbers"]), metadata["text"]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is not a checkpoint, or is damaged: {error!r}") from error
    check_sums(path, tensors, sums)
    tensors.setdefault("W_in", tensors["W"])
    return State(tensors, numbers), text


def check_sums(path: Path, tensors: Mapping[str, numpy.ndarray], sums: Any) -> None:
    """Raise ModelFileError unless these are the tensors that were written."""
    if not isinstance(sums, dict) or sums.keys() != tensors.keys() or "W" not in sums:
        raise ModelFileError(f"{path} is damaged: it does not hold what it says")
    for name, tensor in tensors.items():
        if tensor_sum(tensor) != sums[name]:
            raise ModelFileError(f"{path} is damaged: {name} is not as it was written")


def _metadata_sum(metadata: dict[str, Any]) -> str:
    text = json.dumps(metadata, sort_keys=True)
    return tensor_sum(numpy.frombuffer(text.encode(), numpy.uint8))


def tensor_sum(*tensors: numpy.ndarray) -> str:
    """A checksum of arrays, of their bytes one after the other."""
    total = 0
    for tensor in tensors:
        for part in parts(tensor):
            total = checksum(part, total)
    return f"{total:08x}"
