"""The update rules against the book's formulas, with gradients as arrays and as rows."""

from functools import partial

import numpy as np
import pytest

from w2v.backend import to_cpu, to_gpu
from w2v.config import ADAM_RATE, LEARNING_RATE, TrainConfig
from w2v.layers import RowGradient
from w2v.optimizers import OPTIMIZERS, SGD, AdaGrad, Adam, CatchUpAdam, LazyAdam, Momentum

STEPS = 12


def book_sgd(W, grads):
    for grad in grads:
        W = W - 0.01 * grad
    return W


def book_momentum(W, grads):
    v = 0
    for grad in grads:
        v = 0.9 * v - 0.01 * grad
        W = W + v
    return W


def book_adagrad(W, grads):
    h = 0
    for grad in grads:
        h = h + grad * grad
        W = W - 0.01 * grad / (np.sqrt(h) + 1e-7)
    return W


def book_adam(W, grads):
    m = v = 0
    for t, grad in enumerate(grads, 1):
        lr = 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = m + (1 - 0.9) * (grad - m)
        v = v + (1 - 0.999) * (grad**2 - v)
        W = W - lr * m / (np.sqrt(v) + 1e-7)
    return W


def row_gradients(seed=0, shape=(6, 3)):
    """Gradients of some steps: repeated ids, and rows that are not touched at every step."""
    draw = np.random.default_rng(seed)
    for _ in range(STEPS):
        ids = draw.integers(0, shape[0] - 1, 4)
        yield RowGradient(ids, draw.standard_normal((4, shape[1])), shape)


RULES = [
    (SGD, book_sgd),
    (Momentum, book_momentum),
    (AdaGrad, book_adagrad),
    (Adam, book_adam),
]


def trained_by(rule, book, sparse):
    """The same weights after the same gradients by a rule of ours and by the book's formula."""
    start = np.random.default_rng(9).standard_normal((6, 3))
    W, optimizer = start.copy(), rule()
    for grad in row_gradients():
        optimizer.update([W], [grad if sparse else grad.dense()])
    return W, book(start, [grad.dense() for grad in row_gradients()])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rule, book", RULES)
def test_a_rule_is_the_books(rule, book, sparse):
    ours, wanted = trained_by(rule, book, sparse)
    assert ours == pytest.approx(wanted)


@pytest.mark.parametrize("rule, book", RULES)
def test_two_parameters_keep_moments_of_their_own(rule, book):
    one, two = np.ones((6, 3)), np.ones((6, 3))
    optimizer = rule()
    for first, second in zip(row_gradients(1), row_gradients(2), strict=True):
        optimizer.update([one, two], [first, second])
    assert pytest.approx(book(np.ones((6, 3)), [g.dense() for g in row_gradients(1)])) == one
    assert pytest.approx(book(np.ones((6, 3)), [g.dense() for g in row_gradients(2)])) == two


def test_adam_in_blocks_and_across_renewals_is_adam():
    rule = partial(Adam, block_values=7, renewal=5)  # blocks of two rows of three
    ours, wanted = trained_by(rule, book_adam, True)
    assert ours == pytest.approx(wanted)


def test_adams_moments_never_become_denormal():
    W, optimizer = np.ones((2, 3), "f"), Adam()
    optimizer.update([W], [RowGradient(np.array([0]), np.full((1, 3), 1e-3, "f"), (2, 3))])
    still = RowGradient(np.array([1]), np.zeros((1, 3), "f"), (2, 3))
    for _ in range(1500):  # 0.9^1500 is far below what float32 can hold
        optimizer.update([W], [still])
        m, _ = optimizer.state[0]
        moments = np.abs(m)
        assert (moments[moments > 0] > np.finfo("f").tiny).all()
    assert m[0].tolist() == [0, 0, 0]


def test_lazy_adam_is_adam_where_every_row_is_in_the_batch():
    dense = [grad.dense() for grad in row_gradients()]
    W = np.ones((6, 3))
    lazy = LazyAdam()
    for grad in dense:
        lazy.update([W], [grad])
    assert pytest.approx(book_adam(np.ones((6, 3)), dense)) == W


def test_lazy_adam_leaves_other_rows_alone():
    W, optimizer = np.ones((3, 2)), LazyAdam()
    optimizer.update([W], [RowGradient(np.array([0]), np.ones((1, 2)), (3, 2))])
    first = W.copy()
    optimizer.update([W], [RowGradient(np.array([1]), np.ones((1, 2)), (3, 2))])
    assert (W[0] == first[0]).all() and (W[1] < 1).all() and (W[2] == 1).all()


def rare_gradients(steps, dtype, scale=1.0):
    """Row 0 in each step, row k in each 3 ** k-th, row 6 at first and at last, row 7 never."""
    draw = np.random.default_rng(4)
    for step in range(steps):
        ids = [k for k in range(6) if step % 3**k == 0]
        ids += [6] if step in (0, steps - 1) else []
        rows = draw.standard_normal((len(ids), 3)) * scale
        yield RowGradient(np.array(ids), rows.astype(dtype), (8, 3))


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e-7], ids=["large", "small", "near epsilon"])
@pytest.mark.parametrize("dtype, close", [("f8", 1e-11), ("f4", 2e-6)])
def test_an_adam_that_catches_up_is_dense_adam(dtype, close, scale):
    start = np.random.default_rng(9).standard_normal((8, 3))
    W, dense, optimizer, adam = start.astype(dtype), start.copy(), CatchUpAdam(), Adam()
    for step, grad in enumerate(rare_gradients(800, dtype, scale)):
        optimizer.settle([W], [grad.ids])
        adam_before = dense[grad.ids].copy()
        assert W[grad.ids] == pytest.approx(adam_before, abs=close)  # what a forward pass reads
        optimizer.update([W], [grad])
        adam.update([dense], [RowGradient(grad.ids, grad.rows.astype("f8"), grad.shape)])
        if step in (0, 1, 300):
            optimizer.settle([W])
            assert pytest.approx(dense, abs=close) == W
    optimizer.settle([W])
    assert pytest.approx(dense, abs=close) == W and (W[7] == start.astype(dtype)[7]).all()
    assert abs(W[6] - start[6]).max() > 1e-4
    optimizer.settle([W])
    assert pytest.approx(dense, abs=close) == W


def test_catching_up_is_the_books_formula_step_by_step():
    gradients = [grad.dense() for grad in rare_gradients(300, "f8")]
    W, optimizer = np.ones((8, 3)), CatchUpAdam()
    for grad in rare_gradients(300, "f8"):
        optimizer.update([W], [grad])
    optimizer.settle([W])
    assert pytest.approx(book_adam(np.ones((8, 3)), gradients), abs=1e-11) == W


def test_an_update_catches_up_by_itself_and_takes_arrays_and_repeated_ids():
    W, optimizer = np.ones((6, 3)), CatchUpAdam()
    dense = [grad.dense() for grad in row_gradients()]
    for number, grad in enumerate(row_gradients()):
        optimizer.update([W], [grad.dense() if number % 2 else grad])
    optimizer.settle([W])
    assert pytest.approx(book_adam(np.ones((6, 3)), dense)) == W


def test_moments_of_rows_long_unused_never_become_denormal():
    W, optimizer = np.ones((2, 3), "f"), CatchUpAdam()
    optimizer.update([W], [RowGradient(np.array([0]), np.full((1, 3), 1e-3, "f"), (2, 3))])
    for _ in range(1500):
        optimizer.update([W], [RowGradient(np.array([1]), np.zeros((1, 3), "f"), (2, 3))])
    optimizer.settle([W])
    m, v, last = optimizer.state[0]
    assert m[0].tolist() == [0, 0, 0] and (v[0] > np.finfo("f").tiny).all()
    assert last.tolist() == [1501, 1501]


def test_catching_up_refuses_ids_that_are_no_rows():
    for ids in ([6], [-1]):
        with pytest.raises(IndexError, match="outside the 6 rows"):
            CatchUpAdam().settle([np.ones((6, 3))], [np.array(ids)])


@pytest.mark.parametrize("betas", [(0.9995, 0.999), (0.95, 0.5)])
def test_betas_that_cannot_be_caught_up_are_refused(betas):
    with pytest.raises(ValueError, match="beta1 = "):
        CatchUpAdam(beta1=betas[0], beta2=betas[1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rule_gives_the_same_on_both_backends(name, cupy):
    on_cpu, on_gpu = np.ones((6, 3)), to_gpu(np.ones((6, 3)))
    one, two = OPTIMIZERS[name](), OPTIMIZERS[name]()
    for grad in row_gradients():
        one.update([on_cpu], [grad])
        two.update([on_gpu], [RowGradient(to_gpu(grad.ids), to_gpu(grad.rows), grad.shape)])
    assert to_cpu(on_gpu) == pytest.approx(on_cpu)


def test_the_configuration_knows_the_rules_and_their_learning_rate():
    fields = TrainConfig.__dataclass_fields__
    assert fields["optimizer"].metadata["choices"] == tuple(OPTIMIZERS)
    assert {rule().lr for rule in (Adam, LazyAdam, CatchUpAdam)} == {ADAM_RATE}
    assert f"Adam: {ADAM_RATE}" in fields["lr"].metadata["help"]
    for model in fields["model"].metadata["choices"]:
        assert f" {LEARNING_RATE[model]} " in fields["lr"].metadata["help"]
