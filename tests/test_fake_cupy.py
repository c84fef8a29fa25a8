"""The stand-in for CuPy refuses what CuPy refuses, and does in any order what a device does so."""

import numpy
import pytest

from w2v.kernels.cuda.layout import SOURCE


@pytest.fixture
def kernel(cupy):
    """A kernel whose code is that of one line."""

    def make(code):
        return cupy.ElementwiseKernel("T g, T lr", "T w", code, "test")

    return make


def test_a_kernel_computes_in_the_type_of_its_arrays(cupy, kernel):
    g, w = cupy.asarray(numpy.ones(3, "f")), cupy.asarray(numpy.ones(3, "f"))
    kernel("w -= lr * g / T(2.0)")(g, 0.1, w)
    assert w.dtype == "float32" and w.get() == pytest.approx(0.95)
    for code in ("w -= 0.5 * lr * g", "w = g * 2.0", "w = g + sqrt(0.5)"):
        with pytest.raises(TypeError, match="a kernel of float32 computes"):
            kernel(code)(g, 0.1, w)


def test_a_kernel_refuses_arrays_of_two_types(cupy, kernel):
    g, w = cupy.asarray(numpy.ones(3, "f")), cupy.asarray(numpy.ones(3))
    with pytest.raises(TypeError, match="Type is mismatched"):
        kernel("w -= lr * g")(g, 0.1, w)
    with pytest.raises(TypeError, match="Wrong number of arguments"):
        kernel("w -= lr * g")(g)


def test_ids_have_to_be_rows(cupy):
    target, ids = cupy.asarray(numpy.zeros((3, 2), "f")), cupy.asarray(numpy.array([0, 3]))
    with pytest.raises(IndexError):
        cupy.cupyx.scatter_add(target, ids, 1)
    with pytest.raises(IndexError):
        target[ids]


def test_only_what_atomics_add_is_added(cupy):
    target, ids = cupy.asarray(numpy.zeros(3, int)), cupy.asarray(numpy.array([0, 1]))
    with pytest.raises(TypeError, match="only supports int32"):
        cupy.cupyx.scatter_add(target, ids, 1)


def test_additions_come_in_any_order(cupy):
    """Two that are the same do not give the same bits."""
    draw = numpy.random.default_rng(1)
    ids = cupy.asarray(draw.integers(0, 3, 1000))
    rows = cupy.asarray(draw.standard_normal((1000, 4)).astype("f"))
    sums = []
    for _ in range(2):
        target = cupy.asarray(numpy.zeros((3, 4), "f"))
        cupy.cupyx.scatter_add(target, ids, rows)
        sums.append(target.get())
    assert sums[0] == pytest.approx(sums[1], rel=1e-4, abs=1e-4)
    assert not numpy.array_equal(*sums)


def test_of_rows_with_the_same_id_any_is_the_last(cupy):
    ids, last = cupy.asarray(numpy.zeros(2, int)), set()
    for _ in range(50):
        target = cupy.asarray(numpy.zeros(1))
        target[ids] = cupy.asarray(numpy.array([1.0, 2.0]))
        last.add(float(target[0]))
    assert last == {1.0, 2.0}


def test_a_copy_is_done_when_its_event_is_waited_for(cupy):
    stream, there = cupy.cuda.Stream(non_blocking=True), cupy.asarray(numpy.zeros(2))
    there.set(numpy.ones(2), stream=stream)
    assert there.get().tolist() == [0, 0]
    cupy.cuda.get_current_stream().wait_event(stream.record())
    assert there.get().tolist() == [1, 1]


def test_a_copy_that_waits_for_nothing_may_be_done_at_once(cupy, monkeypatch):
    """Before work that the current stream has still to do on the same memory."""
    monkeypatch.setattr(cupy.Stream, "eager", True)
    current, stream = cupy.cuda.get_current_stream(), cupy.cuda.Stream(non_blocking=True)
    there, seen = cupy.asarray(numpy.zeros(1)), []
    current.add(lambda: seen.append(there._values.copy()))
    there.set(numpy.ones(1), stream=stream)
    there.get()
    current.add(lambda: seen.append(there._values.copy()))
    stream.wait_event(current.record())
    there.set(numpy.zeros(1), stream=stream)
    assert [float(value[0]) for value in seen] == [1, 1]


def test_pinned_memory_is_counted_in_powers_of_two(cupy):
    cupy.asarray(numpy.zeros(1000, "f"))
    cupy.cupyx.empty_pinned(1025, "f")
    assert cupy.PINNED == [4096, 8192]


def test_registers_threads_and_shared_memory_limit_the_blocks(cupy):
    options = ("-DBLOCKS=1", "-DTHREADS=128")
    kernel = cupy.RawModule(code=SOURCE.read_text(), options=options).get_function("train")
    blocks = cupy.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor
    assert blocks(kernel, 128, 1000) == 4  # 128 registers for each of 128 threads
    kernel.num_regs = 32
    assert blocks(kernel, 128, 1000) == 16
    assert blocks(kernel, 128, 40_000) == 2  # of 100 KB, as long as no more is asked for
    assert blocks(kernel, 128, 60_000) == 0  # more than a kernel may have unasked
    kernel.max_dynamic_shared_size_bytes = 60_000
    kernel.preferred_shared_memory_carveout = 100
    assert blocks(kernel, 128, 60_000) == 3


def test_memory_can_be_full(cupy, monkeypatch):
    monkeypatch.setitem(cupy.memory, "free", 100)
    with pytest.raises(cupy.cuda.memory.OutOfMemoryError, match="allocating 800 bytes"):
        cupy.zeros(100)
