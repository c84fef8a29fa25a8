"""Reading a piece of the stream: which words are kept, their windows, and the shared negatives.

Every random choice is a function of the seed's key and the place.
"""

import numpy

from w2v import rng
from w2v.corpus import SENTENCE_END
from w2v.kernels.cpu.jit import EXACT, INLINED, MERGED
from w2v.kernels.plan import KEEP, NEGATIVE, PIECE
from w2v.numba_setup import numba

_mix = numba.njit(**EXACT)(rng.mix)
_LANE_STEP, _POSITION_STEP = rng.LANE_STEP, rng.POSITION_STEP
_HALF, _LOW = numpy.uint64(32), numpy.uint64(2**32 - 1)


@numba.njit(**INLINED)
def place_bits(key, place, lane):
    """64 random bits of a place: `rng.bits`, compiled."""
    return _mix(key + numpy.uint64(place) * _POSITION_STEP + numpy.uint64(lane) * _LANE_STEP)


@numba.njit(**INLINED)
def _add_word(ids, at, n, sentence, words, settings, key, shift):
    """Write the word at place `at` as the n-th; returns n + 1 if it is kept, else n."""
    word = ids[at]
    random = place_bits(key, at + shift, KEEP)
    words.ids[n] = word
    words.place[n] = at
    words.start[n] = sentence
    sizes = numpy.uint64(settings.window - settings.least_window + 1)
    words.reach[n] = settings.least_window + numpy.int32(((random & _LOW) * sizes) >> _HALF)
    return n + numpy.int64((random >> _HALF) <= numpy.uint64(settings.keep[word]))


@numba.njit(**INLINED)
def _read_before(ids, piece, words, settings, key, shift):
    """Fill in up to `window` kept words before the piece, of its sentence; returns their start.

    They end at index `window`, where the piece's own words start.
    """
    n, at = settings.window, piece - 1
    while n > 0 and at >= 0 and ids[at] != SENTENCE_END:
        n -= _add_word(ids, at, n - 1, 0, words, settings, key, shift) - (n - 1)
        at -= 1
    return n


@numba.njit(**MERGED)
def read_piece(ids, piece, words, settings, key, shift):
    """Fill `words` with the piece at place `piece` and the windows' reach beyond it.

    Returns the indices of its first word, of the end of the piece and of the end of the reach.
    """
    window = settings.window
    start = _read_before(ids, piece, words, settings, key, shift)
    n = window
    sentence = start
    for i in range(start, window):
        words.start[i] = start
    for at in range(piece, min(piece + PIECE, len(ids))):
        if ids[at] == SENTENCE_END:
            sentence = n
        else:
            n = _add_word(ids, at, n, sentence, words, settings, key, shift)
    stop = n
    at = piece + PIECE
    while n < stop + window and at < len(ids) and ids[at] != SENTENCE_END:
        n = _add_word(ids, at, n, sentence, words, settings, key, shift)
        at += 1
    _limit_contexts(words, start, n)
    return window, stop, n


@numba.njit(**MERGED)
def _limit_contexts(words, start, stop):
    """Turn each word's sentence start and window into the start and stop of its context."""
    sentence_stop = stop
    for i in range(stop - 1, start - 1, -1):
        if i + 1 < stop and words.start[i + 1] > i:  # the next word begins a sentence
            sentence_stop = i + 1
        words.stop[i] = min(sentence_stop, i + words.reach[i] + 1)
    for i in range(start, stop):
        words.start[i] = max(words.start[i], i - words.reach[i])


@numba.njit(**MERGED)
def draw_negatives(words, start, stop, settings, key, shift):
    """Draw the shared negatives of all spans of a piece."""
    noise = settings.noise
    size = numpy.uint64(len(noise))
    for span in range((stop - start + settings.centers - 1) // settings.centers):
        place = words.place[start + span * settings.centers] + shift
        for n in range(settings.shared):
            random = place_bits(key, place, NEGATIVE + n)
            column = numpy.int64(((random & _LOW) * size) >> _HALF)
            own = (random >> _HALF) < numpy.uint64(noise[column, 0])
            words.noise[span, n] = column if own else noise[column, 1]
