"""Small matrix products with their sums held in vector registers, as LLVM code for `kernels.cpu`.

A span multiplies matrices of a few dozen rows: too small for a BLAS call, and Numba's own loops
keep their sums in memory. Here a *tile* of, say, 6 rows by 4 vectors of sums stays in registers
while the shared dimension is walked once. The shape of a tile is fixed in the code, those of the
matrices are not: one compiled kernel serves every dim, window and span.

`emit_tile` and `transpose_block` speak LLVM's vector types, which become the machine's own: 512
bits where there are any, else two or four narrower ones.
"""

from typing import Any

from llvmlite import binding, ir
from numba import config, extending
from numba.core import cgutils, types

intrinsic: Any = extending.intrinsic  # its type counts an argument that callers do not give

LANES = 16
"""Floats in a vector; rows of weights and buffers are padded to a multiple of it."""


def _max_rows() -> dict[int, int]:
    """Most rows of a tile by its vectors: its sums, a row of b and a broadcast of a fit registers.

    A vector of LANES floats takes one register of 512 bits, two of 256 or four of 128.
    """
    chosen = config.CPU_FEATURES  # type: ignore[attr-defined]
    features = chosen if chosen is not None else binding.get_host_cpu_features().flatten()
    if "+avx512f" in features and "-prefer-256-bit" in features:
        return {1: 12, 2: 12, 3: 8, 4: 6}  # 32 of 512 bits
    if "+avx512vl" in features:
        return {1: 12, 2: 6}  # 32 of 256 bits
    if "+avx2" in features or "+neon" in features:
        return {1: 6}  # 16 of 256 bits, or 32 of 128
    return {1: 2}  # 16 of 128 bits


MAX_ROWS = _max_rows()
MAX_VECTORS = max(MAX_ROWS)
ROW_COUNTS = {
    vectors: [rows for rows in (12, 8, 6, 4, 2, 1) if rows <= most]
    for vectors, most in MAX_ROWS.items()
}
"""The heights a tile may have: few, because each is code to compile."""

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INT = ir.IntType(64)
_INT32 = ir.IntType(32)
_INTS = ir.VectorType(_INT32, LANES)


def _data(context, builder, array_type, array):
    """Pointer to the first element of a Numba array."""
    return cgutils.create_struct_proxy(array_type)(context, builder, value=array).data


def _pointer(builder, base, offset):
    return builder.gep(base, [offset])


def _row_at(builder, rows, place, step, offset):
    """Offset of an element of the row whose number is rows[place]."""
    word = builder.sext(builder.load(_pointer(builder, rows, place)), _INT)
    return builder.add(offset, builder.mul(word, step))


def _load_vector(builder, base, offset, kind=_VECTOR):
    address = builder.bitcast(_pointer(builder, base, offset), kind.as_pointer())
    return builder.load(address, align=4)


def _store_vector(builder, vector, base, offset):
    address = builder.bitcast(_pointer(builder, base, offset), _VECTOR.as_pointer())
    builder.store(vector, address, align=4)


def _broadcast(builder, scalar, kind=_VECTOR):
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, scalar, _INT32(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_INTS, [0] * LANES))


def _count_lanes(builder, condition):
    """How many lanes of a vector of booleans are true, as an integer."""
    mask = ir.IntType(LANES)
    return builder.zext(builder.ctpop(builder.bitcast(condition, mask)), _INT)


def _multiply_add(builder, x, y, z):
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
    return builder.call(function, [x, y, z])


def _sum_tile(builder, rows, vectors, a, b, ranges):
    """Emit the loop over k; returns the sums, [row][vector], of a[row, k] * b[k, vector].

    a: (base, offset, row step, k step). b: (base, offset, k step). ranges: (begin, end, begin,
    end): k walks the first range, then the second; either may be empty, not both.
    """
    a_base, a_offset, a_row, a_step = a
    b_base, b_offset, b_step = b
    begin, end, begin_2, end_2 = ranges
    first_empty = builder.icmp_signed("==", begin, end)
    start = builder.select(first_empty, begin_2, begin)
    before = builder.block
    loop = builder.append_basic_block("k")
    done = builder.append_basic_block("k.done")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(_INT)
    k.add_incoming(start, before)
    sums = [[builder.phi(_VECTOR) for _ in range(vectors)] for _ in range(rows)]
    b_at = builder.add(b_offset, builder.mul(k, b_step))
    b_row = [
        _load_vector(builder, b_base, builder.add(b_at, _INT(v * LANES))) for v in range(vectors)
    ]
    a_at = builder.add(a_offset, builder.mul(k, a_step))
    results = []
    for row in range(rows):
        scalar = builder.load(_pointer(builder, a_base, a_at))
        spread = _broadcast(builder, scalar)
        pairs = zip(b_row, sums[row], strict=True)
        results.append([_multiply_add(builder, spread, vector, old) for vector, old in pairs])
        a_at = builder.add(a_at, a_row)
    following = builder.add(k, _INT(1))
    jump = builder.icmp_signed("==", following, end)
    following = builder.select(jump, begin_2, following)
    finished = builder.icmp_signed("==", following, end_2)
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    k.add_incoming(following, builder.block)
    for row in range(rows):
        for v in range(vectors):
            sums[row][v].add_incoming(zero, before)
            sums[row][v].add_incoming(results[row][v], builder.block)
    builder.cbranch(finished, done, loop)
    builder.position_at_end(done)
    return results


def _for_each_shape(builder, rows, vectors, emit):
    """Emit a switch on (rows, vectors) with `emit(rows, vectors)` for each shape of tile."""
    after = builder.append_basic_block("tile.done")
    shape = builder.add(builder.mul(vectors, _INT(16)), rows)
    switch = builder.switch(shape, after)
    for vector_count, row_counts in ROW_COUNTS.items():
        for row_count in row_counts:
            block = builder.append_basic_block(f"tile.{row_count}x{vector_count}")
            switch.add_case(_INT(vector_count * 16 + row_count), block)
            builder.position_at_end(block)
            emit(row_count, vector_count)
            builder.branch(after)
    builder.position_at_end(after)


@intrinsic
def tile_set(typing_context, rows, vectors, c, c_offset, c_row, a, a_offset, a_row, a_step,
             b, b_offset, b_step, begin, end, begin_2, end_2):  # fmt: skip
    """c[i, j] = sum over k of a[i, k] * b[k, j], for one tile; k as in `_sum_tile`."""

    def codegen(context, builder, signature, args):
        (rows, vectors, c, c_offset, c_row, a, a_offset, a_row, a_step,
         b, b_offset, b_step, *ranges) = args  # fmt: skip
        c, a, b = (_data(context, builder, signature.args[n], args[n]) for n in (2, 5, 9))

        def emit(row_count, vector_count):
            left, right = (a, a_offset, a_row, a_step), (b, b_offset, b_step)
            at = c_offset
            for row in _sum_tile(builder, row_count, vector_count, left, right, ranges):
                for v, vector in enumerate(row):
                    _store_vector(builder, vector, c, builder.add(at, _INT(v * LANES)))
                at = builder.add(at, c_row)

        _for_each_shape(builder, rows, vectors, emit)
        return context.get_dummy_value()

    i = types.intp
    return types.void(i, i, c, i, i, a, i, i, i, b, i, i, i, i, i, i), codegen


@intrinsic
def tile_add(typing_context, rows, vectors, c, c_rows, c_first, c_offset, c_row, scale,
             a, a_offset, a_row, a_step, b, b_offset, b_step,
             begin, end, begin_2, end_2):  # fmt: skip
    """c[c_rows[i], j] += scale[i] * (sum over k of a[i, k] * b[k, j]), for one tile.

    i counts from c_first in c_rows and scale. Rows are added one after the other, so that one that
    occurs twice gets both sums.
    """

    def codegen(context, builder, signature, args):
        (rows, vectors, c, c_rows, c_first, c_offset, c_row, scale,
         a, a_offset, a_row, a_step, b, b_offset, b_step, *ranges) = args  # fmt: skip
        c, c_rows, scale, a, b = (
            _data(context, builder, signature.args[n], args[n]) for n in (2, 3, 7, 8, 12)
        )

        def emit(row_count, vector_count):
            left, right = (a, a_offset, a_row, a_step), (b, b_offset, b_step)
            sums = _sum_tile(builder, row_count, vector_count, left, right, ranges)
            for m, row in enumerate(sums):
                place = builder.add(c_first, _INT(m))
                factor = _broadcast(builder, builder.load(_pointer(builder, scale, place)))
                at = _row_at(builder, c_rows, place, c_row, c_offset)
                for v, vector in enumerate(row):
                    here = builder.add(at, _INT(v * LANES))
                    old = _load_vector(builder, c, here)
                    _store_vector(builder, _multiply_add(builder, factor, vector, old), c, here)

        _for_each_shape(builder, rows, vectors, emit)
        return context.get_dummy_value()

    i = types.intp
    return types.void(i, i, c, c_rows, i, i, i, scale, a, i, i, i, b, i, i, i, i, i, i), codegen


def _transpose(builder, vectors):
    """Exchange rows and columns of LANES vectors, in log2(LANES) rounds of two-way shuffles."""
    vectors = list(vectors)
    distance = LANES // 2
    while distance:
        low = [n if not n & distance else n - distance + LANES for n in range(LANES)]
        high = [n + distance if not n & distance else n + LANES for n in range(LANES)]
        masks = [ir.Constant(_INTS, mask) for mask in (low, high)]
        for n in range(LANES):
            if not n & distance:
                pair = vectors[n], vectors[n + distance]
                vectors[n] = builder.shuffle_vector(*pair, masks[0])
                vectors[n + distance] = builder.shuffle_vector(*pair, masks[1])
        distance //= 2
    return vectors


@intrinsic
def gather_block(typing_context, source, source_rows, first, offset, step, rows, columns, width):
    """Copy LANES x LANES floats of the listed rows of `source`, as they are and transposed.

    rows[first + i, offset + j] = columns[offset + j, first + i] = source[source_rows[first + i],
    offset + j]; `step` is the row length of source and rows, `width` that of columns.
    """

    def codegen(context, builder, signature, args):
        source, source_rows, rows, columns = (
            _data(context, builder, signature.args[n], args[n]) for n in (0, 1, 5, 6)
        )
        first, offset, step, width = args[2], args[3], args[4], args[7]
        vectors = []
        for n in range(LANES):
            place = builder.add(first, _INT(n))
            at = _row_at(builder, source_rows, place, step, offset)
            vectors.append(_load_vector(builder, source, at))
            _store_vector(builder, vectors[n], rows, builder.add(offset, builder.mul(place, step)))
        for n, vector in enumerate(_transpose(builder, vectors)):
            place = builder.add(offset, _INT(n))
            _store_vector(builder, vector, columns, builder.add(first, builder.mul(place, width)))
        return context.get_dummy_value()

    i = types.intp
    return types.void(source, source_rows, i, i, i, rows, columns, i), codegen


@intrinsic
def copy_vector(typing_context, source, source_offset, target, target_offset):
    """Copy LANES floats; offsets count floats."""

    def codegen(context, builder, signature, args):
        source, target = (_data(context, builder, signature.args[n], args[n]) for n in (0, 2))
        _store_vector(builder, _load_vector(builder, source, args[1]), target, args[3])
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp), codegen


@intrinsic
def scale_vector(typing_context, factor, source, source_offset, target, target_offset):
    """Copy LANES floats, multiplied by a factor."""

    def codegen(context, builder, signature, args):
        source, target = (_data(context, builder, signature.args[n], args[n]) for n in (1, 3))
        vector = builder.fmul(_broadcast(builder, args[0]), _load_vector(builder, source, args[2]))
        _store_vector(builder, vector, target, args[4])
        return context.get_dummy_value()

    return types.void(types.float32, source, types.intp, target, types.intp), codegen


@intrinsic
def add_scaled(typing_context, target, target_offset, factor, source, source_offset, width):
    """target[offset + i] += factor * source[offset + i] for i < width, a multiple of LANES."""

    def codegen(context, builder, signature, args):
        target, source = (_data(context, builder, signature.args[n], args[n]) for n in (0, 3))
        factor = _broadcast(builder, args[2])
        with cgutils.for_range_slice(builder, _INT(0), args[5], _INT(LANES), _INT) as (at, _):
            here = builder.add(args[1], at)
            vector = _load_vector(builder, source, builder.add(args[4], at))
            old = _load_vector(builder, target, here)
            _store_vector(builder, _multiply_add(builder, factor, vector, old), target, here)
        return context.get_dummy_value()

    i = types.intp
    return types.void(target, i, types.float32, source, i, i), codegen


@intrinsic
def dot(typing_context, a, a_offset, b, b_offset, width):
    """Sum of a[offset + i] * b[offset + i] over i < width, a multiple of LANES."""

    def codegen(context, builder, signature, args):
        a, b = (_data(context, builder, signature.args[n], args[n]) for n in (0, 2))
        total = cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, [0.0] * LANES))
        with cgutils.for_range_slice(builder, _INT(0), args[4], _INT(LANES), _INT) as (at, _):
            left = _load_vector(builder, a, builder.add(args[1], at))
            right = _load_vector(builder, b, builder.add(args[3], at))
            builder.store(_multiply_add(builder, left, right, builder.load(total)), total)
        vector, distance = builder.load(total), LANES // 2
        while distance:  # add the upper half of the lanes to the lower until one is left
            swap = ir.Constant(_INTS, [lane ^ distance for lane in range(LANES)])
            vector = builder.fadd(vector, builder.shuffle_vector(vector, vector, swap))
            distance //= 2
        return builder.extract_element(vector, _INT32(0))

    i = types.intp
    return types.float32(a, i, b, i, i), codegen


@intrinsic
def mark_inside(typing_context, number, own, begin, end, first, target, target_offset):
    """target[i] = begin[first + i] <= number < end[first + i], but 0 for i = own; for LANES i.

    begin, end: int32 arrays. Returns how many are 1.
    """

    def codegen(context, builder, signature, args):
        begin, end, target = (
            _data(context, builder, signature.args[n], args[n]) for n in (2, 3, 5)
        )
        number, own = (_broadcast(builder, builder.trunc(args[n], _INT32), _INTS) for n in (0, 1))
        first = _load_vector(builder, begin, args[4], _INTS)
        last = _load_vector(builder, end, args[4], _INTS)
        lane = ir.Constant(_INTS, list(range(LANES)))
        inside = builder.and_(
            builder.icmp_signed(">=", number, first), builder.icmp_signed("<", number, last)
        )
        inside = builder.and_(inside, builder.icmp_signed("!=", lane, own))
        _store_vector(builder, builder.uitofp(inside, _VECTOR), target, args[6])
        return _count_lanes(builder, inside)

    i = types.intp
    return i(i, i, begin, end, i, target, i), codegen


@intrinsic
def share_unless(typing_context, factor, share, first, ids, own, target, target_offset):
    """target[i] = factor * share[first + i], but 0 where ids[first + i] = own; for LANES i."""

    def codegen(context, builder, signature, args):
        share, ids, target = (
            _data(context, builder, signature.args[n], args[n]) for n in (1, 3, 5)
        )
        words = _load_vector(builder, ids, args[2], _INTS)
        differs = builder.icmp_signed("!=", words, _broadcast(builder, args[4], _INTS))
        part = builder.fmul(_broadcast(builder, args[0]), _load_vector(builder, share, args[2]))
        part = builder.select(differs, part, ir.Constant(_VECTOR, [0.0] * LANES))
        _store_vector(builder, part, target, args[6])
        return context.get_dummy_value()

    i = types.intp
    return types.void(types.float32, share, i, ids, types.int32, target, i), codegen


@intrinsic
def sum_rows(typing_context, source, source_rows, first, count, width, sums):
    """Running sums: sums[i + 1] = sums[i] + source[source_rows[first + i]] for i < count.

    sums: (count + 1, width), whose row 0 is zero.
    """

    def codegen(context, builder, signature, args):
        source, source_rows, sums = (
            _data(context, builder, signature.args[n], args[n]) for n in (0, 1, 5)
        )
        first, count, width = args[2:5]
        with cgutils.for_range(builder, count, intp=_INT) as loop:
            here = _row_at(builder, source_rows, builder.add(first, loop.index), width, _INT(0))
            old = builder.mul(loop.index, width)
            new = builder.add(old, width)
            with cgutils.for_range_slice(builder, _INT(0), width, _INT(LANES), _INT) as (at, _):
                total = _load_vector(builder, sums, builder.add(old, at))
                vector = _load_vector(builder, source, builder.add(here, at))
                total = builder.fadd(total, vector)
                _store_vector(builder, total, sums, builder.add(new, at))
        return context.get_dummy_value()

    i = types.intp
    return types.void(source, source_rows, i, i, i, sums), codegen


@intrinsic
def window_mean(typing_context, sums, begin, end, factor, own, own_offset, mean, mean_offset,
                width):  # fmt: skip
    """mean = factor * (sums[end] - sums[begin] - own): rows begin to end of `sum_rows` but one."""

    def codegen(context, builder, signature, args):
        sums, own, mean = (_data(context, builder, signature.args[n], args[n]) for n in (0, 4, 6))
        width = args[8]
        begin, end = builder.mul(args[1], width), builder.mul(args[2], width)
        factor = _broadcast(builder, args[3])
        with cgutils.for_range_slice(builder, _INT(0), width, _INT(LANES), _INT) as (at, _):
            high = _load_vector(builder, sums, builder.add(end, at))
            low = _load_vector(builder, sums, builder.add(begin, at))
            without = _load_vector(builder, own, builder.add(args[5], at))
            total = builder.fsub(builder.fsub(high, low), without)
            _store_vector(builder, builder.fmul(factor, total), mean, builder.add(args[7], at))
        return context.get_dummy_value()

    i = types.intp
    return types.void(sums, i, i, types.float32, own, i, mean, i, i), codegen


@intrinsic
def mark_change(typing_context, changes, begin, end, row, row_offset, width):
    """changes[begin] += row; changes[end] -= row: their running sum has `row` from begin to end."""

    def codegen(context, builder, signature, args):
        changes, row = (_data(context, builder, signature.args[n], args[n]) for n in (0, 3))
        width = args[5]
        begin, end = builder.mul(args[1], width), builder.mul(args[2], width)
        with cgutils.for_range_slice(builder, _INT(0), width, _INT(LANES), _INT) as (at, _):
            vector = _load_vector(builder, row, builder.add(args[4], at))
            for place, change in ((begin, builder.fadd), (end, builder.fsub)):
                here = builder.add(place, at)
                changed = change(_load_vector(builder, changes, here), vector)
                _store_vector(builder, changed, changes, here)
        return context.get_dummy_value()

    i = types.intp
    return types.void(changes, i, i, row, i, i), codegen


@intrinsic
def add_sums(typing_context, target, target_rows, first, count, rate, changes, own, own_first,
             width):  # fmt: skip
    """target[target_rows[first + i]] += rate[i] * (running sum of changes - own[own_first + i]).

    changes: (count + 1, width), of which the sum over rows 0 to i is meant. Rows before the last
    are left zero, the last is what is left of the sum.
    """

    def codegen(context, builder, signature, args):
        target, target_rows, rate, changes, own = (
            _data(context, builder, signature.args[n], args[n]) for n in (0, 1, 4, 5, 6)
        )
        first, count, own_first, width = args[2], args[3], args[7], args[8]
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        with cgutils.for_range(builder, count, intp=_INT) as loop:
            row = loop.index
            here = _row_at(builder, target_rows, builder.add(first, row), width, _INT(0))
            skipped = builder.mul(builder.add(own_first, row), width)
            change = builder.mul(row, width)
            following = builder.add(change, width)
            factor = _broadcast(builder, builder.load(_pointer(builder, rate, row)))
            with cgutils.for_range_slice(builder, _INT(0), width, _INT(LANES), _INT) as (at, _):
                total = _load_vector(builder, changes, builder.add(change, at))
                _store_vector(builder, zero, changes, builder.add(change, at))
                after = builder.add(following, at)
                following_total = builder.fadd(total, _load_vector(builder, changes, after))
                _store_vector(builder, following_total, changes, after)
                others = builder.fsub(total, _load_vector(builder, own, builder.add(skipped, at)))
                old = _load_vector(builder, target, builder.add(here, at))
                new = _multiply_add(builder, factor, others, old)
                _store_vector(builder, new, target, builder.add(here, at))
        return context.get_dummy_value()

    i = types.intp
    return types.void(target, target_rows, i, i, rate, changes, own, i, i), codegen


@intrinsic
def count_equal(typing_context, array, first, value):
    """How many of the LANES int32 from array[first] on are equal to value (int32)."""

    def codegen(context, builder, signature, args):
        array = _data(context, builder, signature.args[0], args[0])
        value = _broadcast(builder, args[2], _INTS)
        lanes = _load_vector(builder, array, args[1], _INTS)
        return _count_lanes(builder, builder.icmp_signed("==", lanes, value))

    return types.intp(array, types.intp, types.int32), codegen


@intrinsic
def prefetch(typing_context, array, offset):
    """Ask for the cache line of array's element `offset`, to be written, without waiting for it."""

    def codegen(context, builder, signature, args):
        address = _pointer(builder, _data(context, builder, signature.args[0], args[0]), args[1])
        address = builder.bitcast(address, ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, _INT32, _INT32, _INT32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, _INT32(0), _INT32(2), _INT32(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic
def float_from_bits(typing_context, bits):
    """The float32 with these bits (int32)."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], _FLOAT)

    return types.float32(types.int32), codegen
