"""The loops over the bytes of word2vec's files, compiled: finding words, reading numbers.

Importing this module brings in Numba. Compiled code is kept beside it, or in the user's cache.
"""

from typing import Any

import numba
import numpy

SPACE, NEWLINE = ord(" "), ord("\n")
_PLUS, _MINUS, _POINT, _ZERO, _NINE = ord("+"), ord("-"), ord("."), ord("0"), ord("9")
_EXPONENT = ord("e")
_LOWER = 0x20  # what makes an ASCII letter a small one
_INFINITE = 0x7F800000  # the least bits, without the sign, of a float32 that is not finite

FINE, NO_ROW, TOO_FEW, NO_NUMBER = 0, 1, 2, 3
"""How a scan ends: at its limit; before a row that is not complete, or blank; before a bad one."""

_MAX_DIGITS = 18  # what an int64 holds of a mantissa
_MAX_POWER = 60
_POWERS = numpy.array([float(f"1e{power}") for power in range(_MAX_POWER + 1)])
_SLACK = 2.0**-48  # some 30 times the relative error of a mantissa scaled in float64
_TINY, _HUGE = 1.2e-38, 3.4e38  # between them, a float32 has all of its 24 bits

_READ, _HARD, _WRONG = 0, 1, 2


@numba.njit(nogil=True, cache=True)
def scan_binary(block, begin, end, base, row, rows, bits, words, lengths, places):
    """Take rows of word2vec's binary format, `word SPACE H float32`, out of a block of a file.

    block: uint8, of which begin..end is filled; its first byte is byte `base` of the file.
    row: the first to be taken, of `rows`. bits: (V, H) uint32, filled. words: uint8, as long as
    block, filled with the words taken, one after the other. lengths, places: (V,) int64, filled
    with the bytes of each word and where it begins in the file. Newlines before a word are no part
    of it, as in gensim; word2vec.c writes one after each vector.
    Returns the place behind the last row taken, the next row, the bytes of words taken, and the
    first row that holds NaN or infinity, or -1.
    """
    dim = bits.shape[1]
    taken, not_finite = 0, -1
    out = bits.view(numpy.uint8)  # (V, 4 H)
    while row < rows:
        word = begin
        while word < end and block[word] == NEWLINE:
            word += 1
        space = word
        while space < end and block[space] != SPACE:
            space += 1
        vector = space + 1
        if vector + 4 * dim > end:
            break
        for i in range(word, space):
            words[taken] = block[i]
            taken += 1
        for i in range(4 * dim):
            out[row, i] = block[vector + i]
        largest = numpy.uint32(0)
        for i in range(dim):
            largest = max(largest, bits[row, i] & numpy.uint32(0x7FFFFFFF))
        if not_finite < 0 and largest >= _INFINITE:
            not_finite = row
        lengths[row] = space - word
        places[row] = base + word
        begin = vector + 4 * dim
        row += 1
    return begin, row, taken, not_finite


@numba.njit(nogil=True, cache=True)
def join_binary(blob, offsets, begin, vectors, block):
    """Write rows as `scan_binary` takes them, without newlines, into `block`, uint8.

    blob, offsets: packed words, of which `begin` is the first. vectors: (n, 4 H) uint8. Returns how
    many bytes were written.
    """
    filled = 0
    for i in range(len(vectors)):
        for j in range(offsets[begin + i], offsets[begin + i + 1]):
            block[filled] = blob[j]
            filled += 1
        block[filled] = SPACE
        filled += 1
        for j in range(vectors.shape[1]):
            block[filled + j] = vectors[i, j]
        filled += vectors.shape[1]
    return filled


@numba.njit(nogil=True, cache=True)
def scan_text(block, separator, has_word, matrix, words, lengths, spans, hard, numbered):
    """Take lines `word v1 ... vH`, or only `v1 ... vH`, out of a block of whole lines.

    block: uint8, ending in a newline. separator: between the fields. The last H fields are the
    vector, so that a word may hold separators; white space at the end of a line is no part of it.
    matrix: (n, H) float32, filled with up to n lines. words: uint8, as long as block, filled with
    the words, one after the other. lengths: (n,) bytes of each word. spans: (n, 2), where each line
    begins and ends. hard: (n,) uint8, set where a number has to be read anew, with more care.
    numbered: (n,) uint8, set where the end of the word, after a separator, reads as a number too.
    Returns how it ended (see FINE), how many lines were taken, the place behind them, and then
    for TOO_FEW how many values the line has (H + 1 stands for any number above H), for NO_NUMBER
    where the field begins and ends.
    """
    dim = matrix.shape[1]
    fields = numpy.empty(dim + 1, numpy.int64)  # where they begin; the last, where one would
    begin, row, taken = 0, 0, 0
    while begin < len(block) and row < len(matrix):
        newline = begin
        while block[newline] != NEWLINE:
            newline += 1
        end = newline
        while end > begin and _is_white(block[end - 1]):
            end -= 1
        if end == begin:
            return NO_ROW, row, begin, taken, 0, 0
        found, place = 0, end
        fields[dim] = end + 1
        while found < dim:
            while place > begin and block[place - 1] != separator:
                place -= 1
            if place == begin and (has_word or found < dim - 1):
                return TOO_FEW, row, begin, taken, found + (not has_word), 0
            found += 1
            fields[dim - found] = place
            place -= 1
        if not has_word and place >= begin:
            return TOO_FEW, row, begin, taken, dim + 1, 0
        hard[row] = 0
        for i in range(dim):
            status, value = _number(block, fields[i], fields[i + 1] - 1)
            if status == _WRONG:
                return NO_NUMBER, row, begin, taken, fields[i], fields[i + 1] - 1
            hard[row] |= status
            matrix[row, i] = value
        numbered[row] = has_word and _ends_in_number(block, begin, place, separator)
        for i in range(begin, place):
            words[taken] = block[i]
            taken += 1
        lengths[row] = place - begin if has_word else 0
        spans[row, 0], spans[row, 1] = begin, end
        begin = newline + 1
        row += 1
    return FINE, row, begin, taken, 0, 0


@numba.njit(nogil=True, cache=True)
def _is_white(character):
    return character == SPACE or 9 <= character <= 13


@numba.njit(nogil=True, cache=True)
def _ends_in_number(block, begin, end, separator):
    for i in range(end - 1, begin - 1, -1):
        if block[i] == separator:
            return _number(block, i + 1, end)[0] != _WRONG
    return False


@numba.njit(nogil=True, cache=True)
def _number(text, begin, end):
    """Read text[begin:end] as a decimal number: how that went, and its float32.

    The mantissa is scaled in float64, which errs in the last bits; where those could decide how
    the float32 is rounded, it is _HARD. Everything else is rounded exactly.
    """
    place, negative = begin, False
    if place < end and (text[place] == _PLUS or text[place] == _MINUS):
        negative = text[place] == _MINUS
        place += 1
    mantissa: Any = 0
    kept, digits, power = 0, 0, 0
    after_point = False
    while place < end:
        character = text[place]
        if _ZERO <= character <= _NINE:
            digits += 1
            if kept < _MAX_DIGITS:
                mantissa = 10 * mantissa + numpy.int64(character) - _ZERO
                kept += mantissa > 0
                power -= after_point
            else:  # far below what can be kept
                power += not after_point
        elif character == _POINT and not after_point:
            after_point = True
        else:
            break
        place += 1
    if digits == 0:
        return _WRONG, numpy.float32(0)
    if place < end:
        if text[place] | _LOWER != _EXPONENT:
            return _WRONG, numpy.float32(0)
        exponent, place = _exponent(text, place + 1, end)
        if place < 0:
            return _WRONG, numpy.float32(0)
        power += exponent
    if mantissa == 0:
        return _READ, numpy.float32(-0.0 if negative else 0.0)
    if abs(power) > _MAX_POWER:
        return _HARD, numpy.float32(0)
    size = numpy.float64(mantissa)
    size = size / _POWERS[-power] if power < 0 else size * _POWERS[power]
    value = numpy.float32(size * (1 + _SLACK))
    if value != numpy.float32(size * (1 - _SLACK)) or not _TINY < size < _HUGE:
        return _HARD, numpy.float32(0)
    return _READ, -value if negative else value


@numba.njit(nogil=True, cache=True)
def _exponent(text, begin, end):
    """The number after an e, no more than 99,999 either way, and its end: -1 if it is none."""
    place, negative = begin, False
    if place < end and (text[place] == _PLUS or text[place] == _MINUS):
        negative = text[place] == _MINUS
        place += 1
    if place == end:
        return 0, -1
    value: Any = 0
    while place < end:
        if not _ZERO <= text[place] <= _NINE:
            return 0, -1
        value = min(10 * value + numpy.int64(text[place]) - _ZERO, 99_999)
        place += 1
    return -value if negative else value, place
