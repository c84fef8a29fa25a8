"""Where random numbers come from: bits of a place, and streams for a purpose, all from a seed.

`bits` are a pure function of (seed, position, lane): no state, no order of calls.

A resumed run, a shard, a thread and a GPU all ask for the bits of a position of the stream and get
the same ones. The function is the output step of splitmix64 (Steele, Lea and Flood 2014, with the
constants of Stafford's mix 13), applied to a counter: three multiplications by constants, two of
them in sequence, on 64-bit unsigned integers that wrap around. In CUDA C it is

    x = key + position * 0x9E3779B97F4A7C15ull + lane * 0xD1B54A32D192ED03ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);

`mix` and `keyed_bits` use nothing but operators, so that `kernels.cpu` compiles these same two
functions with Numba; `bits` is their form for NumPy and CuPy arrays.
"""

import zlib
from types import ModuleType
from typing import Any

import numpy

POSITION_STEP = numpy.uint64(0x9E3779B97F4A7C15)
LANE_STEP = numpy.uint64(0xD1B54A32D192ED03)
_MULTIPLIER_1 = numpy.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = numpy.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = numpy.uint64(30), numpy.uint64(27), numpy.uint64(31)
_WORD = 2**64 - 1


def mix(x):
    """Spread the bits of x (uint64, scalar or array) over all 64: splitmix64's output step."""
    x = (x ^ (x >> _SHIFT_1)) * _MULTIPLIER_1
    x = (x ^ (x >> _SHIFT_2)) * _MULTIPLIER_2
    return x ^ (x >> _SHIFT_3)


def keyed_bits(key, position, lane):
    """`bits` for the uint64 `seed_key(seed)`; position and lane are uint64 too."""
    return mix(key + position * POSITION_STEP + lane * LANE_STEP)


def seed_key(seed: int) -> numpy.uint64:
    """The stream of a seed: any two seeds, near or far, get unrelated ones. seed: any int."""
    with numpy.errstate(over="ignore"):
        return mix(numpy.uint64(seed & _WORD) + POSITION_STEP)


def bits(seed: int, position: Any, lane: Any = 0) -> Any:
    """64 random bits for each position.

    seed: any int. position: integers, scalar or array, e.g. places in the encoded corpus.
    lane: integers that broadcast with position; different lanes of a position are independent
    draws. Returns uint64 of the broadcast shape.

    >>> hex(bits(1, 0))
    '0xdce423fc82c0d5b8'
    """
    with numpy.errstate(over="ignore"):
        return keyed_bits(seed_key(seed), _uint64(position), _uint64(lane))


def _uint64(value: Any) -> Any:
    """Integers as uint64, an array where an array is given; negative ones wrap around."""
    if hasattr(value, "astype"):
        return value.astype("uint64")
    return numpy.uint64(value & _WORD)


def known_seed(seed: int | None) -> int:
    """The seed, or one that is taken from NumPy's global state where there is none.

    So `numpy.random.seed` still decides a whole notebook.
    """
    return int(numpy.random.randint(2**31)) if seed is None else seed


class Streams:
    """Independent streams of NumPy's random numbers, one for each number, of a seed and a purpose.

    To begin one costs about a microsecond, so that each batch can have its own, whatever was drawn
    before. The generator is Philox, whose counter has room for them (Salmon et al. 2011).

    >>> streams = Streams(1, "negatives")
    >>> first = streams.at(7).random()
    >>> streams.at(8).random() != first == streams.at(7).random()
    True
    """

    def __init__(self, seed: int | None, purpose: str):
        self._generator = numpy.random.Generator(numpy.random.Philox(_sequence(seed, purpose)))
        self._start = self._generator.bit_generator.state

    def at(self, number: int) -> numpy.random.Generator:
        """The generator, at the beginning of a stream."""
        self._start["state"]["counter"][:] = 0, number, 0, 0
        self._generator.bit_generator.state = self._start
        return self._generator


def _sequence(seed: int | None, purpose: str) -> numpy.random.SeedSequence:
    return numpy.random.SeedSequence([known_seed(seed), zlib.crc32(purpose.encode())])


def generator(seed: int | None, purpose: str, xp: ModuleType = numpy) -> Any:
    """A random generator of NumPy or CuPy (`xp`) that depends on the seed and the purpose alone.

    Two purposes ("shuffle 1", "negatives") never share a stream. seed: as for `known_seed`.
    """
    sequence = _sequence(seed, purpose)
    return xp.random.default_rng(int(sequence.generate_state(1, numpy.uint64)[0]))
