"""Loops over vectors of LANES floats, as LLVM code: copies, sums, masks and a dot product.

As plain loops of Numba, 11 of these gave the same sums, 1.6 to 3 times slower.
"""

from llvmlite import ir
from numba.core import cgutils, types

from w2v.kernels.cpu.llvm import (
    FLOAT,
    INT,
    INT32,
    INTS,
    LANES,
    VECTOR,
    broadcast,
    count_lanes,
    emits,
    fused_multiply_add,
    load_vector,
    pointer,
    row_at,
    store_vector,
)


def _transpose(builder, vectors):
    """Exchange rows and columns of LANES vectors, in log2(LANES) rounds of two-way shuffles."""
    vectors = list(vectors)
    distance = LANES // 2
    while distance:
        low = [n if not n & distance else n - distance + LANES for n in range(LANES)]
        high = [n + distance if not n & distance else n + LANES for n in range(LANES)]
        masks = [ir.Constant(INTS, mask) for mask in (low, high)]
        for n in range(LANES):
            if not n & distance:
                pair = vectors[n], vectors[n + distance]
                vectors[n] = builder.shuffle_vector(*pair, masks[0])
                vectors[n + distance] = builder.shuffle_vector(*pair, masks[1])
        distance //= 2
    return vectors


@emits("aaiiiaai")
def gather_block(builder, source, source_rows, first, offset, step, rows, columns, width):
    """Copy LANES x LANES floats of the listed rows of `source`, as they are and transposed.

    rows[first + i, offset + j] = columns[offset + j, first + i] = source[source_rows[first + i],
    offset + j]; `step` is the row length of source and rows, `width` that of columns.
    """
    vectors = []
    for n in range(LANES):
        place = builder.add(first, INT(n))
        at = row_at(builder, source_rows, place, step, offset)
        vectors.append(load_vector(builder, source, at))
        store_vector(builder, vectors[n], rows, builder.add(offset, builder.mul(place, step)))
    for n, vector in enumerate(_transpose(builder, vectors)):
        place = builder.add(offset, INT(n))
        store_vector(builder, vector, columns, builder.add(first, builder.mul(place, width)))


@emits("aiai")
def copy_vector(builder, source, source_offset, target, target_offset):
    """Copy LANES floats; offsets count floats."""
    store_vector(builder, load_vector(builder, source, source_offset), target, target_offset)


@emits("faiai")
def scale_vector(builder, factor, source, source_offset, target, target_offset):
    """Copy LANES floats, multiplied by a factor."""
    vector = builder.fmul(broadcast(builder, factor), load_vector(builder, source, source_offset))
    store_vector(builder, vector, target, target_offset)


@emits("aifaii")
def add_scaled(builder, target, target_offset, factor, source, source_offset, width):
    """target[offset + i] += factor * source[offset + i] for i < width, a multiple of LANES."""
    factor = broadcast(builder, factor)
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
        here = builder.add(target_offset, at)
        vector = load_vector(builder, source, builder.add(source_offset, at))
        old = load_vector(builder, target, here)
        store_vector(builder, fused_multiply_add(builder, factor, vector, old), target, here)


@emits("aiaii", types.float32)
def dot(builder, a, a_offset, b, b_offset, width):
    """Sum of a[offset + i] * b[offset + i] over i < width, a multiple of LANES."""
    total = cgutils.alloca_once_value(builder, ir.Constant(VECTOR, [0.0] * LANES))
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
        left = load_vector(builder, a, builder.add(a_offset, at))
        right = load_vector(builder, b, builder.add(b_offset, at))
        builder.store(fused_multiply_add(builder, left, right, builder.load(total)), total)
    vector, distance = builder.load(total), LANES // 2
    while distance:  # add the upper half of the lanes to the lower until one is left
        swap = ir.Constant(INTS, [lane ^ distance for lane in range(LANES)])
        vector = builder.fadd(vector, builder.shuffle_vector(vector, vector, swap))
        distance //= 2
    return builder.extract_element(vector, INT32(0))


@emits("iiaaiai", types.intp)
def mark_inside(builder, number, own, start, stop, first, target, target_offset):
    """target[i] = start[first + i] <= number < stop[first + i], but 0 for i = own; for LANES i.

    start, stop: int32 arrays. Returns how many are 1.
    """
    number, own = (broadcast(builder, builder.trunc(n, INT32), INTS) for n in (number, own))
    starts = load_vector(builder, start, first, INTS)
    stops = load_vector(builder, stop, first, INTS)
    lane = ir.Constant(INTS, list(range(LANES)))
    inside = builder.and_(
        builder.icmp_signed(">=", number, starts), builder.icmp_signed("<", number, stops)
    )
    inside = builder.and_(inside, builder.icmp_signed("!=", lane, own))
    store_vector(builder, builder.uitofp(inside, VECTOR), target, target_offset)
    return count_lanes(builder, inside)


@emits("faiawai")
def scale_unless(builder, factor, source, first, ids, own, target, target_offset):
    """target[i] = factor * source[first + i], but 0 where ids[first + i] = own; for LANES i."""
    words = load_vector(builder, ids, first, INTS)
    differs = builder.icmp_signed("!=", words, broadcast(builder, own, INTS))
    scaled = builder.fmul(broadcast(builder, factor), load_vector(builder, source, first))
    scaled = builder.select(differs, scaled, ir.Constant(VECTOR, [0.0] * LANES))
    store_vector(builder, scaled, target, target_offset)


@emits("aaiiia")
def running_row_sums(builder, source, source_rows, first, count, width, sums):
    """Running sums: sums[i + 1] = sums[i] + source[source_rows[first + i]] for i < count.

    sums: (count + 1, width), whose row 0 is zero.
    """
    with cgutils.for_range(builder, count, intp=INT) as loop:
        here = row_at(builder, source_rows, builder.add(first, loop.index), width, INT(0))
        old = builder.mul(loop.index, width)
        new = builder.add(old, width)
        with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
            total = load_vector(builder, sums, builder.add(old, at))
            vector = load_vector(builder, source, builder.add(here, at))
            total = builder.fadd(total, vector)
            store_vector(builder, total, sums, builder.add(new, at))


@emits("aiifaiaii")
def window_mean(builder, sums, start, stop, factor, own, own_offset, mean, mean_offset, width):
    """mean = factor * (sums[stop] - sums[start] - own): the rows that were summed, but one."""
    start, stop = builder.mul(start, width), builder.mul(stop, width)
    factor = broadcast(builder, factor)
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
        high = load_vector(builder, sums, builder.add(stop, at))
        low = load_vector(builder, sums, builder.add(start, at))
        without = load_vector(builder, own, builder.add(own_offset, at))
        total = builder.fsub(builder.fsub(high, low), without)
        store_vector(builder, builder.fmul(factor, total), mean, builder.add(mean_offset, at))


@emits("aiiaii")
def mark_change(builder, changes, start, stop, row, row_offset, width):
    """changes[start] += row; changes[stop] -= row: the running sum has row in start..stop."""
    start, stop = builder.mul(start, width), builder.mul(stop, width)
    with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
        vector = load_vector(builder, row, builder.add(row_offset, at))
        for place, change in ((start, builder.fadd), (stop, builder.fsub)):
            here = builder.add(place, at)
            changed = change(load_vector(builder, changes, here), vector)
            store_vector(builder, changed, changes, here)


@emits("aaiiaaaii")
def add_sums(builder, target, target_rows, first, count, rate, changes, own, own_first, width):
    """target[target_rows[first + i]] += rate[i] * (running sum of changes - own[own_first + i]).

    changes: (count + 1, width), of which the sum over rows 0 to i is meant. Rows before the last
    are left zero, the last is what is left of the sum.
    """
    zero = ir.Constant(VECTOR, [0.0] * LANES)
    with cgutils.for_range(builder, count, intp=INT) as loop:
        row = loop.index
        here = row_at(builder, target_rows, builder.add(first, row), width, INT(0))
        skipped = builder.mul(builder.add(own_first, row), width)
        change = builder.mul(row, width)
        following = builder.add(change, width)
        factor = broadcast(builder, builder.load(pointer(builder, rate, row)))
        with cgutils.for_range_slice(builder, INT(0), width, INT(LANES), INT) as (at, _):
            total = load_vector(builder, changes, builder.add(change, at))
            store_vector(builder, zero, changes, builder.add(change, at))
            after = builder.add(following, at)
            following_total = builder.fadd(total, load_vector(builder, changes, after))
            store_vector(builder, following_total, changes, after)
            others = builder.fsub(total, load_vector(builder, own, builder.add(skipped, at)))
            old = load_vector(builder, target, builder.add(here, at))
            new = fused_multiply_add(builder, factor, others, old)
            store_vector(builder, new, target, builder.add(here, at))


@emits("aiw", types.intp)
def count_equal(builder, array, first, value):
    """How many of the LANES int32 from array[first] on are equal to value (int32)."""
    value = broadcast(builder, value, INTS)
    lanes = load_vector(builder, array, first, INTS)
    return count_lanes(builder, builder.icmp_signed("==", lanes, value))


@emits("ai")
def prefetch(builder, array, offset):
    """Ask for the cache line of array's element `offset`, to be written, without waiting for it."""
    address = pointer(builder, array, offset)
    address = builder.bitcast(address, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [address.type, INT32, INT32, INT32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [address, INT32(0), INT32(2), INT32(1)])


@emits("w", types.float32)
def float_from_bits(builder, bits):
    """The float32 with these bits (int32)."""
    return builder.bitcast(bits, FLOAT)
