"""Where random numbers come from: a stream of its own for each purpose, all from one seed."""

import zlib
from types import ModuleType
from typing import Any

import numpy


def generator(seed: int | None, purpose: str, xp: ModuleType = numpy) -> Any:
    """A random generator of NumPy or CuPy (`xp`) that depends on the seed and the purpose alone.

    Two purposes ("shuffle", "negatives") never share a stream. Without a seed, one is taken from
    NumPy's global state, so that `numpy.random.seed` still decides a whole notebook.
    """
    if seed is None:
        seed = int(numpy.random.randint(2**31))
    sequence = numpy.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return xp.random.default_rng(int(sequence.generate_state(1, numpy.uint64)[0]))
