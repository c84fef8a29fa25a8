"""The loops over the bytes of word2vec's files, compiled: finding words, reading numbers.

Importing this module imports Numba. Compiled code is kept beside it, or in the user's cache.
"""

from typing import Any

import numpy

from w2v.numba_setup import numba

SPACE, TAB, NEWLINE = ord(" "), ord("\t"), ord("\n")
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

NUMBERED, TWO_ROWS = 1, 2
"""What is doubtful in a word: it ends in a number; it holds the numbers of a row of its own."""

_LEAN: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_INLINED = {**_LEAN, "forceinline": True}


@numba.njit(cache=True, **_LEAN)
def scan_binary(block, filled, base, dim, row, rows, words, lengths, places):
    """Find the rows of word2vec's binary format, `word SPACE H float32`, in a block of a file.

    block: uint8, of which the first `filled` count; its first byte is byte `base` of the file.
    row: the first to be found, of `rows`. words: uint8, as long as block, filled with the words
    found, one after the other. lengths, places: (V,) int64, filled with the bytes of each word and
    where it begins in the file. Newlines before a word are not part of it, as in gensim;
    word2vec.c writes one after each vector.
    Returns the place after the last row found, the next row, and the bytes of words found.
    """
    start, taken = 0, 0
    while row < rows:
        word = start
        while word < filled and block[word] == NEWLINE:
            word += 1
        space = word
        while space < filled and block[space] != SPACE:
            space += 1
        if space + 1 + 4 * dim > filled:
            break
        for i in range(word, space):
            words[taken] = block[i]
            taken += 1
        lengths[row] = space - word
        places[row] = base + word
        start = space + 1 + 4 * dim
        row += 1
    return start, row, taken


@numba.njit(cache=True, **_LEAN)
def take_vectors(block, starts, bits):
    """Copy vectors out of a block.

    block: uint8. starts: (n,) where they start. bits: (n, H) uint32, filled. Returns the first that
    holds NaN or infinity, or -1, and the bits of the largest number without its sign.
    """
    out = bits.view(numpy.uint8)  # (n, 4 H)
    not_finite, largest_of_all = -1, numpy.uint32(0)
    for row in range(len(starts)):
        source = block[starts[row] : starts[row] + out.shape[1]]
        target, numbers = out[row], bits[row]
        for i in range(len(target)):
            target[i] = source[i]
        largest = numpy.uint32(0)
        for i in range(len(numbers)):
            largest = max(largest, numbers[i] & numpy.uint32(0x7FFFFFFF))
        if not_finite < 0 and largest >= _INFINITE:
            not_finite = row
        largest_of_all = max(largest_of_all, largest)
    return not_finite, largest_of_all


@numba.njit(cache=True, **_LEAN)
def join_binary(blob, offsets, start, vectors, block):
    """Write rows as `scan_binary` takes them, without newlines, into `block`, uint8.

    blob, offsets: packed words, of which `start` is the first. vectors: (n, 4 H) uint8. Returns how
    many bytes were written.
    """
    filled = 0
    for i in range(len(vectors)):
        for j in range(offsets[start + i], offsets[start + i + 1]):
            block[filled] = blob[j]
            filled += 1
        block[filled] = SPACE
        filled += 1
        source, target = vectors[i], block[filled : filled + vectors.shape[1]]
        for j in range(vectors.shape[1]):
            target[j] = source[j]
        filled += vectors.shape[1]
    return filled


@numba.njit(cache=True, **_LEAN)
def scan_text(block, has_word, matrix, words, lengths, spans, hard, doubts):
    """Take lines `word v1 ... vH`, or only `v1 ... vH`, out of a block of whole lines.

    block: uint8, ending in a newline. Between the fields are spaces and tabs. The last H fields are
    the vector, so that a word may hold them; those around a word, and white space at the end of a
    line, are not part of it.
    matrix: (n, H) float32, filled with up to n lines. words: uint8, as long as block, filled with
    the words, one after the other. lengths: (n,) bytes of each word. spans: (n, 2), where each line
    begins and ends. hard: (n,) uint8, set where a number has to be read anew, with more care.
    doubts: (n,) uint8, set to NUMBERED or TWO_ROWS where the word is to be doubted.
    Returns how it ended (see FINE), how many lines were taken, the place after them, and then
    for TOO_FEW how many values the line has (H + 1 stands for any number above H), for NO_NUMBER
    where the field begins and ends.
    """
    fields = numpy.empty(matrix.shape[1], numpy.int64)
    start, row, taken = 0, 0, 0
    while start < len(block) and row < len(matrix):
        doubts[row] = 0
        first = start
        word, newline, hard[row] = _plain_line(block, start, has_word, matrix[row])
        if word < 0:  # the word holds spaces, or the line is bad
            newline, end = _line_end(block, start)
            if end == start:
                return NO_ROW, row, start, taken, 0, 0
            first, word, found = _split(block, start, end, has_word, fields)
            if word < 0:
                return TOO_FEW, row, start, taken, found, 0
            hard[row] = 0
            for i in range(len(fields)):
                status, value, stop = _number(block, fields[i])
                if status == _WRONG or (stop < end and not _is_gap(block[stop])):
                    return (
                        NO_NUMBER,
                        row,
                        start,
                        taken,
                        fields[i],
                        _field_end(block, fields[i], end),
                    )
                matrix[row, i] = value
                hard[row] |= status
            doubts[row] = _doubt(block, first, word, len(fields))
        for i in range(first, word):
            words[taken] = block[i]
            taken += 1
        lengths[row] = word - first
        spans[row, 0], spans[row, 1] = start, _line_end(block, newline)[1]
        start = newline + 1
        row += 1
    return FINE, row, start, taken, 0, 0


@numba.njit(**_INLINED)
def _plain_line(block, place, has_word, vector):
    """Read a line whose word holds no space, with one between its fields.

    Returns where the word ends (-1 if it is not such a line), the newline, and whether a number is
    _HARD.
    """
    word, hard = place, 0
    if has_word:
        while not _is_gap(block[word]) and block[word] != NEWLINE:
            word += 1
        place = word
    for i in range(len(vector)):
        if i > 0 or has_word:
            if not _is_gap(block[place]):
                return -1, 0, 0
            place += 1
        status, value, place = _number(block, place)
        if status == _WRONG:
            return -1, 0, 0
        hard |= status
        vector[i] = value
    while block[place] != NEWLINE:
        if not _is_white(block[place]):
            return -1, 0, 0
        place += 1
    return word, place, hard


@numba.njit(**_LEAN)
def _line_end(block, place):
    """The newline of a line, and the end of what is in it before white space."""
    newline = place
    while block[newline] != NEWLINE:
        newline += 1
    end = newline
    while end > place and _is_white(block[end - 1]):
        end -= 1
    return newline, end


@numba.njit(**_LEAN)
def _split(block, start, end, has_word, fields):
    """Fill in where the last fields of a line begin.

    Returns where its word starts and stops, and H. Where there are other than H values, the word
    stops at -1, and how many there are is last (H + 1 for more than H).
    """
    place = end
    for i in range(len(fields) - 1, -1, -1):
        while place > start and not _is_gap(block[place - 1]):
            place -= 1
        fields[i] = place
        if place == start and (has_word or i > 0):
            return start, -1, len(fields) - i - has_word
        while place > start and _is_gap(block[place - 1]):
            place -= 1
    if not has_word:
        return start, (start if place == start else -1), len(fields) + 1
    while start < place and _is_gap(block[start]):
        start += 1
    return start, place, len(fields)


@numba.njit(**_INLINED)
def _is_gap(character):
    return character in (SPACE, TAB)


@numba.njit(**_INLINED)
def _is_white(character):
    return character == SPACE or 9 <= character <= 13


@numba.njit(**_LEAN)
def _field_end(block, place, end):
    while place < end and not _is_gap(block[place]):
        place += 1
    return place


@numba.njit(**_LEAN)
def _doubt(block, start, stop, dim):
    """What is doubtful in a word that stands in block[start:stop], or 0.

    Its first field may be a number. As many numbers as a vector has, less the last one, which may
    have grown together with the next row's word, are a row whose line break is lost.
    """
    run, longest, fields = 0, 0, 0
    while start < stop:
        end = _field_end(block, start, stop)
        status, _, number_end = _number(block, start)
        run = run + 1 if status != _WRONG and number_end == end else 0
        longest, fields = max(longest, run), fields + 1
        start = end
        while start < stop and _is_gap(block[start]):
            start += 1
    if longest >= max(2, dim - 1) and run < fields - 1:
        return TWO_ROWS
    return NUMBERED if run > 0 and fields > 1 else 0


@numba.njit(**_INLINED)
def _number(text, place):
    """Read a decimal number: how that went, its float32, and the place after it.

    The text goes on after the number. The mantissa is scaled in float64, which errs in the last
    bits; where those could decide how the float32 is rounded, and where the mantissa is too long,
    it is _HARD. Everything else is rounded exactly.
    """
    negative = text[place] == _MINUS
    if negative or text[place] == _PLUS:
        place += 1
    first = place
    mantissa, place, kept = _digits(text, place, 0)
    digits, power = place - first, 0
    if text[place] == _POINT:
        first = place + 1
        mantissa, place, more = _digits(text, first, mantissa)
        power = first - place
        digits -= power
        kept += more
    if digits == 0:
        return _WRONG, numpy.float32(0), place
    if text[place] | _LOWER == _EXPONENT:
        exponent, place = _exponent(text, place + 1)
        if place < 0:
            return _WRONG, numpy.float32(0), place
        power += exponent
    if mantissa == 0 and kept == 0:
        return _READ, numpy.float32(-0.0 if negative else 0.0), place
    if kept > _MAX_DIGITS or abs(power) > _MAX_POWER:
        return _HARD, numpy.float32(0), place
    size = numpy.float64(mantissa)
    size = size / _POWERS[-power] if power < 0 else size * _POWERS[power]
    value = numpy.float32(size * (1 + _SLACK))
    if value != numpy.float32(size * (1 - _SLACK)) or not _TINY < size < _HUGE:
        return _HARD, numpy.float32(0), place
    return _READ, -value if negative else value, place


@numba.njit(**_INLINED)
def _digits(text, place, mantissa):
    """Go on with a mantissa: it, the place after the digits, and how many count.

    A mantissa of more than _MAX_DIGITS is worthless.
    """
    if mantissa == 0:
        while text[place] == _ZERO:
            place += 1
    first = place
    while _ZERO <= text[place] <= _NINE:
        mantissa = 10 * mantissa + numpy.int64(text[place]) - _ZERO
        place += 1
    return mantissa, place, place - first


@numba.njit(**_LEAN)
def _exponent(text, place):
    """The number after an e, no more than 99,999 either way, and its end: -1 if it is none."""
    negative = text[place] == _MINUS
    if negative or text[place] == _PLUS:
        place += 1
    value: Any = 0
    first = place
    while _ZERO <= text[place] <= _NINE:
        value = min(10 * value + numpy.int64(text[place]) - _ZERO, 99_999)
        place += 1
    return -value if negative else value, place if place > first else -1
