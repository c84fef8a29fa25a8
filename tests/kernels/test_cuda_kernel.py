"""The GPU's kernel, run on the CPU: `span.cu` itself, behind a stand-in for CuPy."""

import itertools
import re
from typing import Any

import numpy as np
import pytest
from fused_cases import plan_for, random_stream, small_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import w2v as package
from w2v import kernels
from w2v.corpus import SENTENCE_END
from w2v.errors import GPUError
from w2v.kernels.cuda.layout import (
    SOURCE,
    fit_constants,
    registers_left,
    span_constants,
    spread_pieces,
)
from w2v.kernels.plan import PIECE
from w2v.kernels.reference import ReferenceKernel

REFERENCE = ReferenceKernel()
MODELS = pytest.mark.parametrize("model", ["skipgram", "cbow"])


@pytest.fixture
def cuda(cupy):
    """The module `kernels.cuda` on the stand-in."""
    from w2v.kernels.cuda import kernel as cuda

    return cuda


def train_both(ids, plan, dim, seed, start=0, stop=None, kernel=None):
    """The same range by the GPU's kernel, in float32, and by the reference, in float64."""
    stop = len(ids) if stop is None else stop
    old = small_weights(len(plan.keep), dim, seed)
    exact = tuple(array.astype(np.float64) for array in old)
    kernel = kernel or kernels.load("cuda")
    placed = kernel.place(old, len(ids))
    done = kernel.train(ids, start, stop, placed, plan, seed, start)
    wanted = REFERENCE.train(ids, start, stop, exact, plan, seed, start)
    return [array.get() for array in placed], exact, done, wanted


def assert_same(new, exact, done, wanted):
    assert done[:2] == wanted[:2]
    assert done.measured == wanted.measured
    assert done.loss == pytest.approx(wanted.loss, rel=1e-4)
    for array, expected in zip(new, exact, strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=5e-6)


@MODELS
@pytest.mark.parametrize("order", range(1, 6))
def test_no_barrier_is_missing(cuda, model, order, monkeypatch):
    """Whatever the order in which the threads of a block come to run between barriers."""
    monkeypatch.setenv("EMULATOR_ORDER", str(order))
    ids = random_stream(1800, 60, order, 25)
    plan = plan_for(ids, 60, model=model, sample=0.01)
    assert_same(*train_both(ids, plan, 8, 3))


TENSOR_SHAPES = [(24, 5, 16, 16), (7, 3, 5, 3), (100, 5, 32, 32), (1, 1, 1, 1), (300, 2, 8, 24)]


@MODELS
@pytest.mark.parametrize("shape", TENSOR_SHAPES, ids=str)
def test_tensor_cores_multiply_the_same_matrices(cuda, model, shape, monkeypatch):
    """Equal to the reference where factors are not rounded, and near to it where they are."""
    dim, window, centers, shared = shape
    ids = random_stream(1500, 60, 4, 25)
    plan = plan_for(
        ids, 60, model=model, window=window, centers=centers, shared=shared, lr=0.01, sample=0.02
    )
    for exact in ("1", None):
        if exact:
            monkeypatch.setenv("EMULATOR_EXACT", exact)
        else:
            monkeypatch.delenv("EMULATOR_EXACT")
        kernel = cuda.CudaKernel(tensor=True)
        new, wanted, done, expected = train_both(ids, plan, dim, 3, kernel=kernel)
        if exact:
            assert_same(new, wanted, done, expected)
        assert done[:2] == expected[:2]
        for array, right in zip(new, wanted, strict=True):
            assert abs(array - right).max() < 1e-3 * abs(right).max()


@MODELS
@pytest.mark.parametrize("dim", [7, 24])
def test_rows_copied_by_the_engine_train_the_same(cuda, model, dim):
    """The stand-in's engine counts bytes as the device's does: a wait for others never ends."""
    ids = random_stream(1500, 60, 4, 25)
    plan = plan_for(ids, 60, model=model, centers=5, shared=3, lr=0.01, sample=0.02)
    assert_same(*train_both(ids, plan, dim, 3, kernel=cuda.CudaKernel(bulk=True)))


def test_the_engine_feeds_tensor_cores(cuda, monkeypatch):
    monkeypatch.setenv("EMULATOR_EXACT", "1")
    ids = random_stream(1500, 60, 4, 25)
    plan = plan_for(ids, 60, lr=0.01, sample=0.02)
    assert_same(*train_both(ids, plan, 24, 3, kernel=cuda.CudaKernel(tensor=True, bulk=True)))


# Few shapes, since each is a compilation of its own; the streams are Hypothesis's.
SHAPES = [
    ("skipgram", 1, 1, 1, 1, 1),
    ("skipgram", 7, 10, 20, 5, 3),
    ("skipgram", 100, 5, 5, 16, 16),
    ("skipgram", 300, 2, 7, 32, 5),
    ("cbow", 1, 1, 1, 1, 1),
    ("cbow", 7, 10, 20, 5, 3),
    ("cbow", 100, 5, 5, 32, 32),
    ("cbow", 300, 2, 7, 16, 5),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    words=st.integers(2, 60),
    length=st.integers(2, 120),
    sentence=st.sampled_from([None, 4, 15]),
    sample=st.sampled_from([0.0, 0.05]),
    seed=st.integers(0, 2**32),
)
def test_any_stream_equals_the_reference(cuda, shape, words, length, sentence, sample, seed):
    model, dim, window, negative, centers, shared = shape
    ids = random_stream(length, words, seed, sentence)
    if not (ids != SENTENCE_END).any():
        return
    plan = plan_for(
        ids, words, sample=sample, lr=0.01, model=model, window=window, negative=negative,
        centers=centers, shared=shared,
    )  # fmt: skip
    assert_same(*train_both(ids, plan, dim, seed))


def test_blocks_that_share_a_text_train_every_pair_once(cuda):
    ids = random_stream(9 * PIECE, 500, 3, 100)
    plan = plan_for(ids, 500, sample=0.01, workers=4)
    new, exact, done, wanted = train_both(ids, plan, 8, 1)
    assert done[:2] == wanted[:2]
    assert done.loss == pytest.approx(wanted.loss, rel=0.1)
    assert np.abs(new[0]).max() < 1.5 * np.abs(exact[0]).max()


@pytest.mark.parametrize("sentence", [300, None])
@pytest.mark.parametrize("eager", [False, True])
def test_a_text_that_does_not_fit_is_streamed(cuda, cupy, monkeypatch, sentence, eager):
    """The same bits, though each part is on the device with no more than its windows reach.

    Whether a copy is done as late as it may be, or before the kernel that was launched before it.
    """
    monkeypatch.setattr(cupy.Stream, "eager", eager)
    monkeypatch.setenv("EMULATOR_ORDER", "1")  # another order of threads gives other bits
    ids = random_stream(6 * PIECE, 50, 3, sentence)
    plan = plan_for(ids, 50, sample=0.01)
    results = []
    for room in (1 << 30, 100):
        kernel = cuda.CudaKernel(text_room=room)
        weights = kernel.place(small_weights(50, 8, 1), len(ids))
        cuts = [0, 1500, 3000, 3072, 6 * PIECE]
        for start, stop in itertools.pairwise(cuts):
            kernel.train(ids, start, stop, weights, plan, 7, start)
        assert kernel._text.is_whole == (room > 100)
        results.append([array.get() for array in weights])
    for whole, streamed in zip(*results, strict=True):
        np.testing.assert_array_equal(whole, streamed)


def test_training_on_the_gpu_gives_the_vectors_of_the_cpu(cupy, monkeypatch, w2v, tmp_path):
    """With one block at a time; several do not see one another's updates."""
    monkeypatch.setitem(cupy.Device.attributes, "MultiProcessorCount", 1)
    monkeypatch.setattr(cupy.cuda.driver, "occupancyMaxActiveBlocksPerMultiprocessor", lambda *_: 1)
    text = tmp_path / "text.txt"
    words = random_stream(3000, 40, 1, 20)
    text.write_text(" ".join("\n" if word == SENTENCE_END else f"w{word}" for word in words))
    options = [text, "--dim", 16, "--threads", 1, "--epochs", 2, "--min-count", 1]
    vectors = []
    for more in ([], ["--gpu"]):
        assert w2v("train", *options, *more)[0] == 0
        vectors.append(package.load("vectors.pkl"))
    assert vectors[0].words == vectors[1].words
    assert vectors[1].matrix == pytest.approx(vectors[0].matrix, abs=1e-3)  # kept as float16


def test_uploads_pin_no_more_than_small_tables(cuda, cupy):
    """CuPy keeps what `asarray` has staged in pinned memory, rounded up to a power of two."""
    cupy.PINNED.clear()
    ids = random_stream(6 * PIECE, 3000, 3, 40)
    kernel, plan = cuda.CudaKernel(), plan_for(ids, 3000)
    old = small_weights(3000, 64, 1)
    placed = kernel.place(old, len(ids))
    for array, there in zip(old, placed, strict=True):
        np.testing.assert_array_equal(there.get(), array)
    kernel.train(ids, 0, len(ids), placed, plan, 7, 0)
    assert sum(cupy.PINNED) <= 1 << 14  # the ids of the words that are watched


def test_a_part_of_a_streamed_text_fits_into_a_power_of_two(cuda, cupy):
    """Which is what CuPy pins for it: with the windows around it, not twice as much."""
    longest = cuda.CudaKernel.block + 8 * PIECE
    assert cupy.pinned_bytes(4 * longest) < 1.01 * 4 * longest


@pytest.mark.parametrize("part", [1, 100, 1 << 20])
def test_an_upload_in_parts_is_the_array(cuda, part):
    from w2v.kernels.cuda.text_stream import upload

    for array in (np.arange(1000, dtype=np.int32), np.arange(24.0).reshape(8, 3), np.zeros(0)):
        np.testing.assert_array_equal(upload(array, part).get(), array)


def test_a_buffer_is_not_filled_again_while_it_is_on_its_way(cuda, cupy):
    from w2v.kernels.cuda.text_stream import DeviceText, Reach

    ids = random_stream(6 * PIECE, 50, 3, 20)
    text = DeviceText(ids, room=0, block=PIECE)
    reach = Reach(ids, plan_for(ids, 50), 7, 0)
    text.fetch(0, PIECE, reach)
    *_, on_its_way = [task for task in text.stream.work if task is not None]
    text.fetch(2 * PIECE, 3 * PIECE, reach)  # another range into the same buffer
    assert on_its_way not in text.stream.work
    device, start, stop = text.part(2 * PIECE, 3 * PIECE, reach)
    np.testing.assert_array_equal(device.get()[: stop - start], ids[start:stop])


def test_the_launch_has_the_parameters_of_span_cu_in_its_order(cuda):
    declared = re.search(r"\btrain\((const int\* ids.*?)\) \{", SOURCE.read_text(), re.DOTALL)[1]
    parameters = [(text.split()[-1], " ".join(text.split()[:-1])) for text in declared.split(",")]
    types = {"i64": np.int64, "u64": np.uint64, "u32": np.uint32, "float": np.float32}
    fields = cuda.LaunchArguments.__annotations__
    assert list(fields) == [name for name, _ in parameters]
    for name, kind in parameters:
        assert fields[name] is types.get(kind, Any), name


def test_weights_that_do_not_fit_are_refused_before_training(cuda, monkeypatch):
    monkeypatch.setattr("w2v.backend.free_gpu_bytes", lambda: 1_000_000)
    with pytest.raises(GPUError, match=r"1,000 words of dim 300 needs 0\.54 GB .* 0\.00 GB are"):
        cuda.CudaKernel().place(small_weights(1000, 300, 1), 1 << 30)


def test_a_failed_compilation_is_one_line(cuda, cupy, monkeypatch):
    def fail(self, name):
        raise cupy.cuda.compiler.CompileException("a log of many lines")

    monkeypatch.setattr(cupy.RawModule, "get_function", fail)
    with pytest.raises(GPUError, match="did not compile for Imaginary 0: --debug shows"):
        cuda.CudaKernel().schedule("skipgram", 100, 5, 5, 10_000)


def test_an_old_card_is_refused(cuda, cupy, monkeypatch):
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "61")
    with pytest.raises(GPUError, match=r"capability 6\.1: .* needs 7\.0 or newer"):
        cuda.CudaKernel()
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "80")
    cuda.CudaKernel(tensor=True)
    with pytest.raises(GPUError, match=r"capability 8\.0: .* needs 9\.0 or newer"):
        cuda.CudaKernel(bulk=True)


def test_spans_shrink_until_they_fit():
    limit = 227 * 1024
    usual = fit_constants("skipgram", 300, 5, 5, limit)
    assert (usual.centers, usual.shared) == (16, 16)
    large = fit_constants("skipgram", 1500, 5, 5, limit)
    assert large.shared_bytes() <= limit
    assert large.centers == large.shared < 16
    assert fit_constants("cbow", 50_000, 5, 5, limit) is None


def test_more_centre_words_than_bits_are_refused():
    with pytest.raises(ValueError, match="at most 32 centre words"):
        span_constants("skipgram", 8, 5, (64, 16), 227 * 1024)


def test_registers_leave_room_for_the_blocks_that_shared_memory_has_room_for():
    limit = 227 * 1024
    usual = fit_constants("skipgram", 128, 5, 5, limit)
    room = (limit + 1024) // (usual.shared_bytes() + 1024)
    assert usual.blocks == room == 5 and usual.defines()["BLOCKS"] == 5
    assert registers_left(5, usual.threads) == 96
    tiny = span_constants("skipgram", 128, 5, (1, 5), limit)
    assert tiny.blocks == 5 < (limit + 1024) // (tiny.shared_bytes() + 1024)


@pytest.mark.parametrize("blocks, threads, registers", [(3, 224, 80), (4, 128, 128), (5, 128, 96)])
def test_registers_of_a_thread_are_those_of_its_scheduler(blocks, threads, registers):
    """Each of four has 16,384 for its warps, given out by 8 a thread."""
    assert registers_left(blocks, threads) == registers


def test_a_shape_of_spans_has_workers_of_its_own(cuda, cupy, monkeypatch):
    def occupancy(kernel, threads, shared):
        return 200 * 1024 // shared

    monkeypatch.setattr(cupy.cuda.driver, "occupancyMaxActiveBlocksPerMultiprocessor", occupancy)
    kernel = cuda.CudaKernel()
    usual = kernel.schedule("skipgram", 64, 5, 5, 1 << 30)
    large = kernel.schedule("skipgram", 64, 5, 5, 1 << 30, shape=(32, 32))
    assert large[:2] == (32, 32) and large.workers < usual.workers
    with pytest.raises(GPUError, match="do not fit into the 227 KB"):
        kernel.schedule("skipgram", 1500, 5, 5, 1 << 30, shape=(32, 32))


@given(st.integers(1, 5000), st.integers(1, 300))
def test_every_piece_is_taken_once_and_neighbours_in_time_lie_apart(pieces, workers):
    step = spread_pieces(pieces, workers)
    taken = np.arange(pieces) * step % pieces
    assert sorted(taken) == list(range(pieces))
    if workers > 1 and pieces > 100:
        ahead = np.abs(np.diff(taken))
        assert np.minimum(ahead, pieces - ahead).min() > pieces / 4


@pytest.mark.gpu
@MODELS
@pytest.mark.parametrize("dim", [7, 100, 300])
def test_a_real_gpu_equals_the_reference(model, dim):
    ids = random_stream(3000, 300, 5, 30)
    plan = plan_for(ids, 300, model=model, sample=0.02)
    assert_same(*train_both(ids, plan, dim, 5))


@pytest.mark.gpu
@MODELS
def test_a_real_gpu_stays_sound_at_full_occupancy(model):
    ids = random_stream(1 << 20, 5000, 5, 30)
    kernel = kernels.load("cuda")
    schedule = kernel.schedule(model, 100, 5, 5, len(ids))
    plan = plan_for(ids, 5000, model=model, sample=1e-3, **schedule._asdict())
    weights = kernel.place(small_weights(5000, 100, 1), len(ids))
    done = kernel.train(ids, 0, len(ids), weights, plan, 1, 0)
    assert done.words == (ids != SENTENCE_END).sum()
    for array in weights:
        assert np.isfinite(array.get()).all() and float(abs(array).max()) < 10
