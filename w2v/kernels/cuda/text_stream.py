"""The stream of ids on the device: whole where it fits, else in two buffers.

One buffer fills while the other is trained.
"""

from typing import Any

import cupy
import cupyx
import numpy

from w2v.corpus import SENTENCE_END
from w2v.kernels.plan import PIECE, Plan
from w2v.kernels.reference import kept_places

UPLOADED = 1 << 26
"""Bytes that are copied to the device at a time.

`cupy.asarray` stages an array whole in pinned memory, rounds that up to a power of two, and keeps
it; `set` of a part copies from where the array is.
"""


def upload(array: numpy.ndarray, part: int = UPLOADED) -> Any:
    """A contiguous array on the device. part: bytes that are copied at a time."""
    there = cupy.empty(array.shape, array.dtype)
    step = max(1, part // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        there[start : start + step].set(array[start : start + step])
    return there


class Reach:
    """How far beyond a range the windows of its words can reach, in places of the stream."""

    def __init__(self, ids: numpy.ndarray, plan: Plan, seed: int, shift: int):
        self.ids, self.plan, self.seed, self.shift = ids, plan, seed, shift

    def around(self, start: int, stop: int) -> tuple[int, int]:
        """The range from whose words all spans that begin in start..stop are made."""
        first = start // PIECE * PIECE
        last = min(-(-stop // PIECE) * PIECE, len(self.ids))
        before, after = first, last
        while before > 0 and not self._is_enough(before, first):
            before = max(0, before - PIECE)
        while after < len(self.ids) and not self._is_enough(last, after):
            after = min(len(self.ids), after + PIECE)
        return before, after

    def _is_enough(self, start: int, stop: int) -> bool:
        """Whether a sentence ends in start..stop, or a whole window of words is kept."""
        if (self.ids[start:stop] == SENTENCE_END).any():
            return True
        kept = kept_places(self.ids, start, stop, self.plan, self.seed, self.shift)
        return len(kept) >= self.plan.window


class DeviceText:
    """A stream of ids on the device: whole if it fits into `room` bytes, else part by part.

    ids: (n,) int32 on the host. block: places of a part, about.
    """

    def __init__(self, ids: numpy.ndarray, room: int, block: int):
        self.ids = ids
        self.is_whole = ids.nbytes <= room
        if self.is_whole:
            self.whole = upload(numpy.ascontiguousarray(ids))
            return
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.parts: list[UploadBuffer] = [UploadBuffer(), UploadBuffer()]
        self.turn = 0

    def part(self, start: int, stop: int, reach: Reach) -> tuple[Any, int, int]:
        """Device ids that hold all that start..stop needs, and the places of their ends."""
        if self.is_whole:
            return self.whole, 0, len(self.ids)
        if self.parts[self.turn].wanted != (start, stop):
            self._fill(self.parts[self.turn], start, stop, reach)
        part = self.parts[self.turn]
        self.turn = 1 - self.turn
        cupy.cuda.get_current_stream().wait_event(part.is_there)
        return part.device, part.start, part.stop

    def fetch(self, start: int, stop: int, reach: Reach) -> None:
        """Begin to bring a part that is likely to be asked for next, and return."""
        if not self.is_whole and start < stop:
            self._fill(self.parts[self.turn], start, stop, reach)

    def _fill(self, part: "UploadBuffer", start: int, stop: int, reach: Reach) -> None:
        if part.is_there is not None:
            part.is_there.synchronize()  # its pinned memory may still be on its way to the device
        part.wanted = start, stop
        part.start, part.stop = reach.around(start, stop)
        length = part.stop - part.start
        if part.pinned is None or len(part.pinned) < length:
            part.pinned = cupyx.empty_pinned(length, numpy.int32)
            part.device = cupy.empty(length, cupy.int32)
            # The memory may have been another array's, on which the device still works.
            self.stream.wait_event(cupy.cuda.get_current_stream().record())
        part.pinned[:length] = self.ids[part.start : part.stop]
        part.device[:length].set(part.pinned[:length], stream=self.stream)
        part.is_there = self.stream.record()


class UploadBuffer:
    """A buffer of a text that is streamed: pinned memory on the host, and its copy."""

    wanted: tuple[int, int] | None = None
    start: int = 0
    stop: int = 0
    pinned: Any = None
    device: Any = None
    is_there: Any = None
