"""A step in three kernels on a GPU does what layers and rule do: `step.cu`, run on the CPU."""

import emulated_step
import numpy as np
import pytest

from w2v import config
from w2v.backend import load_cupy, to_cpu
from w2v.errors import ConfigError, DivergenceError, GPUError
from w2v.models import CBOW, PairModel, SkipGram
from w2v.optimizers import OPTIMIZERS, SGD, Adam, CatchUpAdam
from w2v.sampling import ContextWindows, UnigramSampler, create_contexts_target
from w2v.training import Listener, Trainer
from w2v.training.gpu_step import GpuStep, fits
from w2v.training.layers import ShuffledBatches

WORDS, WINDOW, BATCH, SEED = 9, 2, 4, 3
IDS = np.random.default_rng(0).integers(0, WORDS, 17)  # 13 targets: three batches an epoch

MODELS = pytest.mark.parametrize("kind", [CBOW, SkipGram])
RULES = pytest.mark.parametrize("name", OPTIMIZERS)


def move(array):
    """The array on the GPU or the CPU, as the switch says."""
    return load_cupy().asarray(array) if config.GPU else array


def model_of(kind, dim=5, dtype="float32", sparse=True):
    """A model with tables larger than at the start of a training, where gradients are tiny."""
    model = kind(WORDS, dim, WINDOW, move(IDS), sample_size=3, seed=SEED, sparse=sparse)
    draw = np.random.default_rng(1)
    for layer in (model.in_layer, model.ns_loss.embed_dot.embed):
        layer.params[0] = move(draw.standard_normal((WORDS, dim)).astype(dtype))
    model.params = model.in_layer.params + model.ns_loss.params
    model.word_vecs = model.params[0]
    return model


class NegativesOfTheGPU:
    """Hands out what the GPU's sampler draws, as NumPy's."""

    def __init__(self):
        self.sampler = UnigramSampler(move(IDS), 0.75, 3, SEED)

    def get_negative_sample(self, target):
        return to_cpu(self.sampler.get_negative_sample(target))


def train(model, optimizer, max_grad=None, as_arrays=False, epochs=2):
    """Two epochs of three batches. Returns the tables and the loss of each batch."""
    ids = move(IDS)
    contexts, target = create_contexts_target(ids, WINDOW)
    windows = contexts if as_arrays else ContextWindows(ids, WINDOW)
    trainer = Trainer(model, optimizer)
    trainer.fit(windows, target, epochs, BATCH, max_grad, 1, seed=SEED, listener=Listener())
    return [to_cpu(table) for table in model.params], trainer.loss_list


def assert_like_the_layers(kind, rule, dtype="float64", tolerance=1e-9, dim=5, **options):
    """By the kernels, and by the layers on the CPU with the same negatives."""
    config.GPU = True
    negatives = NegativesOfTheGPU()
    tables, losses = train(model_of(kind, dim, dtype), rule(), **options)
    config.GPU = False
    on_cpu = model_of(kind, dim, dtype)
    on_cpu.ns_loss.sampler = negatives
    expected, expected_losses = train(on_cpu, rule(), **options)
    for table, right in zip(tables, expected, strict=True):
        assert table.dtype == dtype
        assert table == pytest.approx(right, rel=tolerance, abs=tolerance)
    assert losses == pytest.approx(expected_losses, rel=tolerance)


@pytest.mark.parametrize(
    "dtype, tolerance, max_grad",
    [("float64", 1e-9, None), ("float64", 1e-9, 0.05), ("float32", 2e-4, 0.05)],
)
@MODELS
@RULES
def test_any_rule_equals_the_layers(cupy, name, kind, dtype, tolerance, max_grad):
    assert_like_the_layers(kind, OPTIMIZERS[name], dtype, tolerance, max_grad=max_grad)


@MODELS
@pytest.mark.parametrize("dim", [1, 40, 150])
def test_any_dim_equals_the_layers(cupy, kind, dim):
    """Fewer than the threads that share a row, more than those, and more than a block has."""
    assert_like_the_layers(kind, Adam, dim=dim, max_grad=1.0)


@MODELS
def test_arrays_of_contexts_equal_the_layers(cupy, kind):
    assert_like_the_layers(kind, SGD, as_arrays=True)


@MODELS
@pytest.mark.parametrize("order", range(1, 4))
def test_no_barrier_is_missing(cupy, kind, order, monkeypatch):
    """Whatever the order in which the threads of a block come to run between barriers."""
    monkeypatch.setenv("EMULATOR_ORDER", str(order))
    assert_like_the_layers(kind, SGD, max_grad=0.05)


@MODELS
@pytest.mark.parametrize("max_grad", [None, 0.05])
def test_a_step_is_three_kernels_of_which_one_takes_new_arguments(cupy, kind, max_grad):
    """So that the others could be started together, as a graph that is captured once."""
    emulated_step.started.clear()
    train(model_of(kind), Adam(), max_grad)
    names = ["take_batch", "gradients", *([] if max_grad is None else ["norms"]), "update"]
    assert [name for name, *_ in emulated_step.started] == 6 * names
    constant = {launch for launch in emulated_step.started if launch[0] != "take_batch"}
    assert len(constant) == len(names) - 1


@pytest.mark.parametrize("wrong", [-1, WORDS, 2**32])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_ids_that_are_no_rows_are_refused_before_training(cupy, monkeypatch, wrong, as_arrays):
    model = model_of(CBOW)
    before = [to_cpu(table) for table in model.params]
    monkeypatch.setattr(f"{__name__}.IDS", np.where(np.arange(17) == 5, wrong, IDS))
    with pytest.raises(IndexError, match="outside the 9 rows"):
        train(model, SGD(), as_arrays=as_arrays)
    for table, old in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(to_cpu(table), old)


def test_fewer_contexts_than_targets_are_refused(cupy):
    contexts, target = create_contexts_target(move(IDS), WINDOW)
    with pytest.raises(IndexError, match="13 targets have only 12 contexts"):
        Trainer(model_of(CBOW), SGD()).fit(contexts[:12], target, 1, BATCH, listener=Listener())


@pytest.mark.parametrize("table", [0, 1])
def test_a_weight_that_is_not_a_number_ends_the_training(cupy, table):
    model = model_of(SkipGram)
    model.params[table][:, 1] = np.nan
    with pytest.raises(DivergenceError, match="the loss is nan after 4 words"):
        train(model, SGD(), max_grad=1.0)


def test_a_batch_with_more_words_than_an_int_counts_is_refused(cupy):
    with pytest.raises(ConfigError, match="lower --batch-size"):
        GpuStep(model_of(CBOW), SGD())._prepare(1 << 28, 2 * WINDOW, None)


def test_the_kernels_are_for_the_models_and_rules_that_they_know(cupy):
    class Mine(CBOW):
        """It may do something else."""

    assert all(fits(model_of(kind), CatchUpAdam()) for kind in (CBOW, SkipGram))
    assert not fits(model_of(CBOW, sparse=False), SGD())  # its gradients are arrays to look at
    assert not fits(model_of(Mine), SGD())
    assert not fits(PairModel(9, 5, seed=1), SGD())
    assert not fits(model_of(CBOW), object())
    config.GPU = False
    assert not fits(model_of(CBOW), SGD())


def test_a_training_that_is_kept_and_goes_on_keeps_its_losses(cupy):
    """The state in the middle of an interval, put into another model and rule."""
    windows = ContextWindows(move(IDS), WINDOW)
    batches = ShuffledBatches(windows, windows.target, BATCH, SEED)
    first, second = (Trainer(model_of(CBOW), Adam()) for _ in range(2))
    second.model.params[0][...] = 0
    updates = first.epochs(batches, 1, None, 3)
    next(updates)
    second.model.ns_loss.sampler.get_negative_sample(first._gpu_step._buffers.output_ids[:, :, 0])
    second.restore(first.state())
    *_, _ = updates
    *_, _ = second.epochs(batches, 1, None, 3)
    assert second.loss_list == pytest.approx(first.loss_list, rel=1e-6)
    for one, other in zip(first.model.params, second.model.params, strict=True):
        assert to_cpu(one) == pytest.approx(to_cpu(other), abs=1e-6)


def test_a_failed_compilation_is_one_line(cupy, monkeypatch):
    def fail(self, name):
        raise cupy.cuda.compiler.CompileException("a log of many lines")

    monkeypatch.setattr(cupy.RawModule, "get_function", fail)
    with pytest.raises(GPUError, match="did not compile for Imaginary 0: --debug shows"):
        Trainer(model_of(CBOW), SGD())


@pytest.mark.gpu
@MODELS
@RULES
def test_a_real_gpu_equals_the_layers(kind, name):
    for max_grad in (None, 0.05):
        assert_like_the_layers(kind, OPTIMIZERS[name], "float32", 2e-4, 100, max_grad=max_grad)
