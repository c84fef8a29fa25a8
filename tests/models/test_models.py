"""CBOW and skip-gram: gradients in float64, and the same on both backends."""

import numpy as np
import pytest
from gradients import numeric_gradient

from w2v import config
from w2v.backend import load_cupy, to_cpu, to_gpu
from w2v.layers import RowGradient
from w2v.models import CBOW, SkipGram

CORPUS = np.array([0, 1, 2, 3, 4, 5, 1, 2, 1, 6, 0])
CONTEXTS = np.array([[0, 1, 1, 3], [2, 5, 4, 2], [6, 0, 1, 1]])
TARGET = np.array([2, 1, 2])


def model_of(kind, sparse=False):
    return kind(7, 4, 2, CORPUS, sample_size=2, seed=3, sparse=sparse)


def negatives_for(kind):
    shape = TARGET.shape if kind is CBOW else CONTEXTS.shape
    return np.random.default_rng(0).integers(0, 7, (*shape, 2))


def in_float64(model):
    """Replace both tables by larger random ones in float64, where differences are exact."""
    draw = np.random.default_rng(1)
    for layer in (model.in_layer, model.ns_loss.embed_dot.embed):
        layer.params[0] = draw.standard_normal((7, 4))
        if layer.grads[0] is not None:
            layer.grads[0] = np.zeros((7, 4))
    return [model.in_layer.params[0], model.ns_loss.params[0]]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_gradient_of_a_model(kind, sparse):
    model, negatives = model_of(kind, sparse), negatives_for(kind)
    tables = in_float64(model)

    def loss():
        return model.forward(CONTEXTS, TARGET, negatives)

    expected = [numeric_gradient(loss, table) for table in tables]
    loss()
    model.backward()
    for gradient, numeric in zip(model.grads, expected, strict=True):
        gradient = gradient.dense() if isinstance(gradient, RowGradient) else gradient
        assert gradient == pytest.approx(numeric, abs=1e-8)


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_a_model_starts_like_the_books(kind):
    model = kind(1000, 50, 5, np.arange(1000))
    assert len(model.params) == len(model.grads) == 2
    for table in model.params:
        assert table.shape == (1000, 50) and table.dtype == "float32"
        assert table.std() == pytest.approx(0.01, rel=0.05)
    assert model.word_vecs is model.params[0]
    assert (model.params[0] != model.params[1]).any()


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_the_loss_starts_at_six_coins_for_each_prediction(kind):
    corpus = np.arange(50)
    model = kind(50, 8, 2, corpus, seed=0)
    predictions = 1 if kind is CBOW else 4
    contexts, target = np.tile(np.arange(4), (9, 1)), np.arange(9)
    loss = model.forward(contexts, target)
    assert loss == pytest.approx(predictions * 6 * np.log(2), rel=1e-3)


def step(kind, sparse, move):
    model = model_of(kind, sparse)
    loss = model.forward(move(CONTEXTS), move(TARGET), move(negatives_for(kind)))
    model.backward()
    grads = [grad.dense() if sparse else grad for grad in model.grads]
    return [np.float64(loss), *(to_cpu(grad) for grad in grads)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_a_model_gives_the_same_on_both_backends(kind, sparse, cupy):
    on_gpu = step(kind, sparse, to_gpu)
    config.GPU = False
    for gpu, cpu in zip(on_gpu, step(kind, sparse, np.asarray), strict=True):
        assert gpu == pytest.approx(cpu, rel=1e-5, abs=1e-9)


@pytest.mark.gpu
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_a_model_gives_the_same_on_a_real_gpu(kind, sparse):
    load_cupy()
    config.GPU = True
    on_gpu = step(kind, sparse, to_gpu)
    config.GPU = False
    for gpu, cpu in zip(on_gpu, step(kind, sparse, np.asarray), strict=True):
        assert gpu == pytest.approx(cpu, rel=1e-4, abs=1e-7)
