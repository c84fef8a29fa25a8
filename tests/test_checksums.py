"""A change in the bytes shows in their sum."""

import numpy as np
import pytest

from w2v.checksums import checksum

NUMBERS = np.random.default_rng(0).integers(0, 2**62, 300_000)  # more than a tile


@pytest.mark.parametrize("place", [0, 1, 511, 512, 262_143, 262_144, 299_999])
def test_a_flipped_bit_shows(place):
    for bit in (0, 31, 62):
        changed = NUMBERS.copy()
        changed[place] ^= 1 << bit
        assert checksum(changed) != checksum(NUMBERS)


@pytest.mark.parametrize("first, second", [(0, 1), (0, 512), (5, 700), (3, 262_144), (9, 299_999)])
def test_two_numbers_that_changed_places_show(first, second):
    changed = NUMBERS.copy()
    changed[[first, second]] = changed[[second, first]]
    assert checksum(changed) != checksum(NUMBERS)


def test_rows_and_blocks_that_changed_places_show():
    changed = NUMBERS.copy()
    changed[:512], changed[512:1024] = NUMBERS[512:1024], NUMBERS[:512]
    assert checksum(changed) != checksum(NUMBERS)
    assert checksum(NUMBERS[:-1]) != checksum(NUMBERS)


def test_it_goes_on_from_a_whole_number_of_tiles():
    parts = NUMBERS[:262_144], NUMBERS[262_144:]
    assert checksum(parts[1], checksum(parts[0])) == checksum(NUMBERS)
    assert checksum(b"") == 0 and checksum(b"abc") == checksum(np.frombuffer(b"abc", np.uint8))
