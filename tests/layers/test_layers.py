"""The layers: the book's worked examples, gradients in float64, large scores, the book's sum."""

import warnings

import numpy as np
import pytest
from gradients import numeric_gradient

from w2v.backend import to_cpu, to_gpu
from w2v.layers import (
    Embedding,
    EmbeddingDot,
    NegativeSamplingLoss,
    RowGradient,
    SigmoidWithLoss,
)

W = np.arange(21).reshape(7, 3)
CORPUS = np.array([0, 1, 2, 3, 4, 5, 6, 1, 2, 1])


def dense(gradient):
    return gradient.dense() if isinstance(gradient, RowGradient) else gradient


@pytest.fixture(params=[False, True], ids=["dense", "sparse"])
def sparse(request):
    return request.param


def test_embedding_looks_rows_up(sparse):
    layer = Embedding(W, sparse)
    assert layer.forward(np.array([1, 0, 3, 0])).tolist() == W[[1, 0, 3, 0]].tolist()
    assert layer.forward(5).tolist() == [15, 16, 17]
    assert layer.forward(np.array([[0, 1], [2, 0]])).shape == (2, 2, 3)


def test_embedding_accumulates_repeated_ids(sparse):
    layer = Embedding(np.zeros((4, 1)), sparse)
    layer.forward(np.array([1, 3, 1]))
    layer.backward(np.array([[0.5], [1.0], [0.2]]))
    assert dense(layer.grads[0]) == pytest.approx(np.array([[0], [0.7], [0], [1.0]]))


def test_embedding_forgets_the_gradient_of_the_step_before(sparse):
    layer = Embedding(np.zeros((4, 2), "f"), sparse)
    for row in (0, 2):
        layer.forward(np.array([row]))
        layer.backward(np.ones((1, 2), "f"))
    assert dense(layer.grads[0]).tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]


def test_embedding_takes_one_id(sparse):
    layer = Embedding(np.zeros((4, 2)), sparse)
    layer.forward(3)
    layer.backward(np.array([1.0, 2.0]))
    assert dense(layer.grads[0])[3].tolist() == [1, 2]


def test_a_dense_gradient_keeps_its_place_in_memory():
    layer = Embedding(np.zeros((4, 2)))
    gradient = layer.grads[0]
    layer.forward(np.array([1]))
    layer.backward(np.ones((1, 2)))
    assert layer.grads[0] is gradient and gradient[1].tolist() == [1, 1]


def test_embedding_dot_is_the_worked_example_of_the_book(sparse):
    layer = EmbeddingDot(W, sparse)
    h = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    assert layer.forward(h, np.array([0, 3, 1])).tolist() == [5, 122, 86]
    dh = layer.backward(np.array([1, 2, 3]))
    assert dh.tolist() == [[0, 1, 2], [18, 20, 22], [9, 12, 15]]
    rows = dense(layer.grads[0])
    assert rows[[0, 3, 1]].tolist() == [[0, 1, 2], [6, 8, 10], [18, 21, 24]]
    assert rows[[2, 4, 5, 6]].any() == False  # noqa: E712


def test_contexts_average_and_score_as_in_the_book(sparse):
    table = np.array([[0.2, 0.8], [0.4, 0.1], [0.7, 0.3]])
    h = Embedding(table).forward(np.array([0, 2])).mean(axis=0)
    assert h == pytest.approx([0.45, 0.55])
    layer = EmbeddingDot(table, sparse)
    assert layer.forward(h[None], np.array([1])) == pytest.approx([0.235])
    assert layer.backward(np.array([1.0])) == pytest.approx(np.array([[0.4, 0.1]]))
    assert dense(layer.grads[0])[1] == pytest.approx([0.45, 0.55])


def test_a_single_h_takes_one_id_or_several(sparse):
    layer = EmbeddingDot(W, sparse)
    h = np.array([0, 1, 2])
    score = layer.forward(h, 3)
    assert score.shape == () and score == 32
    assert layer.backward(np.array(2)).tolist() == [18, 20, 22]
    assert dense(layer.grads[0])[3].tolist() == [0, 2, 4]
    assert layer.forward(h, np.array([0, 3])).tolist() == [5, 32]
    assert layer.backward(np.array([1, 1])).tolist() == [9, 11, 13]


def test_ids_that_do_not_fit_h_are_refused():
    with pytest.raises(ValueError):
        EmbeddingDot(W).forward(np.zeros((3, 3)), np.array([0, 1]))


def test_sigmoid_with_loss_is_the_mean_cross_entropy():
    x, t = np.array([0.3, -1.2, 2.0]), np.array([1, 0, 0])
    y = 1 / (1 + np.exp(-x))
    layer = SigmoidWithLoss()
    assert layer.forward(x, t) == pytest.approx(-np.log(np.where(t == 1, y, 1 - y)).mean())
    assert layer.backward(3.0) == pytest.approx((y - t) * 3 / 3)
    assert layer.forward(np.float64(0.0), 1) == pytest.approx(np.log(2))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_large_scores_neither_overflow_nor_give_nan(kind):
    x = np.array([1000, -1000, 1000, -1000, 0], kind)
    t = np.array([1, 0, 0, 1, 1])
    layer = SigmoidWithLoss()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, dx = layer.forward(x, t), layer.backward()
    assert loss == pytest.approx((2000 + np.log(2)) / 5)
    assert dx == pytest.approx(np.array([0, 0, 1, -1, -0.5]) / 5)
    assert dx.dtype == kind


def test_weights_say_how_much_each_score_counts():
    x, t = np.array([[0.3, -1.2], [2.0, 0.1]]), np.array([1, 0])
    layer, parts = SigmoidWithLoss(), []
    for weights in ([[1, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [1, 0]], [[0, 0], [0, 1]]):
        parts.append((layer.forward(x, t, np.array(weights)), layer.backward()))
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert layer.forward(x, t, weights) == pytest.approx(
        sum(w * loss for w, (loss, _) in zip(weights.ravel(), parts, strict=True))
    )
    assert layer.backward() == pytest.approx(
        sum(w * dx for w, (_, dx) in zip(weights.ravel(), parts, strict=True))
    )


def test_gradient_of_embedding(sparse):
    draw = np.random.default_rng(0)
    table, up = draw.standard_normal((5, 3)), draw.standard_normal((2, 3, 3))
    ids = np.array([[1, 4, 1], [0, 1, 4]])
    layer = Embedding(table, sparse)
    expected = numeric_gradient(lambda: (layer.forward(ids) * up).sum(), table)
    layer.forward(ids)
    layer.backward(up)
    assert dense(layer.grads[0]) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("ids", [[2, 2, 4], [[0, 2], [2, 2], [4, 1]]])
def test_gradient_of_embedding_dot(sparse, ids):
    draw, ids = np.random.default_rng(1), np.array(ids)
    table, h = draw.standard_normal((5, 4)), draw.standard_normal((3, 4))
    up = draw.standard_normal(ids.shape)
    layer = EmbeddingDot(table, sparse)

    def loss():
        return (layer.forward(h, ids) * up).sum()

    expected = numeric_gradient(loss, table), numeric_gradient(loss, h)
    loss()
    assert layer.backward(up) == pytest.approx(expected[1], abs=1e-8)
    assert dense(layer.grads[0]) == pytest.approx(expected[0], abs=1e-8)


def test_gradient_of_sigmoid_with_loss():
    x = np.random.default_rng(2).standard_normal((4, 3)) * 3
    t, weights = np.array([1, 0, 0]), np.array([1.0, 0.5, 2.0])
    layer = SigmoidWithLoss()
    expected = numeric_gradient(lambda: layer.forward(x, t, weights), x)
    layer.forward(x, t, weights)
    assert layer.backward() == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("target", [[1, 1, 6], [[1, 2], [1, 1], [0, 5]]])
def test_gradient_of_negative_sampling_loss(sparse, target):
    draw, target = np.random.default_rng(3), np.array(target)
    table, h = draw.standard_normal((7, 4)), draw.standard_normal((3, 4))
    layer = NegativeSamplingLoss(table, CORPUS, sample_size=2, sparse=sparse)
    negatives = draw.integers(0, 7, (*target.shape, 2))  # repeats and hits of the target included
    weights = draw.random((*target.shape, 3))

    def loss():
        return layer.forward(h, target, negatives, weights)

    expected = numeric_gradient(loss, table), numeric_gradient(loss, h)
    loss()
    assert layer.backward() == pytest.approx(expected[1], abs=1e-8)
    assert dense(layer.grads[0]) == pytest.approx(expected[0], abs=1e-8)


class BookNegativeSamplingLoss:
    """The book's layer: K + 1 pairs of an EmbeddingDot and a SigmoidWithLoss."""

    def __init__(self, table, sample_size):
        self.dots = [EmbeddingDot(table) for _ in range(sample_size + 1)]
        self.losses = [SigmoidWithLoss() for _ in range(sample_size + 1)]

    def forward(self, h, target, negatives):
        columns = [(target, 1), *((negatives[:, k], 0) for k in range(negatives.shape[1]))]
        return sum(
            loss.forward(dot.forward(h, ids), np.full(len(ids), label))
            for dot, loss, (ids, label) in zip(self.dots, self.losses, columns, strict=True)
        )

    def backward(self):
        dh = sum(
            dot.backward(loss.backward()) for dot, loss in zip(self.dots, self.losses, strict=True)
        )
        return dh, sum(dot.grads[0] for dot in self.dots)


def test_one_operation_equals_the_layers_of_the_book(sparse):
    draw = np.random.default_rng(4)
    table, h = draw.standard_normal((7, 4)), draw.standard_normal((5, 4))
    target, negatives = draw.integers(0, 7, 5), draw.integers(0, 7, (5, 3))
    book, ours = (
        BookNegativeSamplingLoss(table, 3),
        NegativeSamplingLoss(table, CORPUS, sample_size=3, sparse=sparse),
    )
    assert ours.forward(h, target, negatives) == pytest.approx(book.forward(h, target, negatives))
    dh, rows = book.backward()
    assert ours.backward() == pytest.approx(dh)
    assert dense(ours.grads[0]) == pytest.approx(rows)


def test_several_targets_are_a_sum_of_losses_as_in_the_books_skipgram():
    draw = np.random.default_rng(5)
    table, h = draw.standard_normal((7, 4)), draw.standard_normal((3, 4))
    target, negatives = draw.integers(0, 7, (3, 2)), draw.integers(0, 7, (3, 2, 3))
    layer = NegativeSamplingLoss(table, CORPUS, sample_size=3)
    single = [layer.forward(h, target[:, c], negatives[:, c]) for c in range(2)]
    assert layer.forward(h, target, negatives) == pytest.approx(sum(single))


def test_weights_reach_the_scores_of_negative_sampling():
    draw = np.random.default_rng(8)
    table, h = draw.standard_normal((7, 4)), draw.standard_normal((3, 4))
    target, negatives = np.array([0, 1, 2]), np.array([[3], [4], [5]])
    layer = NegativeSamplingLoss(table, CORPUS, sample_size=1)
    score = (table[target] * h).sum(axis=1)
    positive_only = layer.forward(h, target, negatives, np.array([1.0, 0.0]))
    assert positive_only == pytest.approx(np.log1p(np.exp(-score)).mean())


def test_a_table_keeps_its_gradient_where_it_is_whatever_the_switch_says(cupy):
    assert type(Embedding(np.zeros((3, 2))).grads[0]) is np.ndarray


def test_a_single_h_is_a_batch_of_one():
    draw = np.random.default_rng(6)
    table, h = draw.standard_normal((7, 4)), draw.standard_normal(4)
    layer = NegativeSamplingLoss(table, CORPUS, sample_size=2)
    expected = layer.forward(h[None], np.array([3]), np.array([[1, 2]]))
    dh = layer.backward()
    assert layer.forward(h, 3, np.array([1, 2])) == pytest.approx(expected)
    assert layer.backward() == pytest.approx(dh[0])
    assert np.isfinite(layer.forward(h, 3))


def test_negatives_are_drawn_where_none_are_given():
    layer = NegativeSamplingLoss(np.zeros((7, 2)), CORPUS, sample_size=5, seed=0)
    assert layer.forward(np.zeros((4, 2)), np.array([0, 1, 2, 3])) == pytest.approx(6 * np.log(2))
    assert layer.embed_dot.embed.idx.shape == (4, 6)


def test_row_gradients_add_up():
    one = RowGradient(np.array([1, 1]), np.array([[1.0], [2.0]]), (3, 1))
    two = RowGradient(np.array([2]), np.array([[5.0]]), (3, 1))
    assert (one + two).dense().tolist() == [[0], [3], [5]]
    assert one.summed().ids.tolist() == [1] and one.summed().rows.tolist() == [[3]]


def test_layers_give_the_same_on_both_backends(sparse, cupy):
    draw = np.random.default_rng(7)
    table = draw.standard_normal((7, 4)).astype("f")
    h = draw.standard_normal((3, 4)).astype("f")
    target, negatives = draw.integers(0, 7, 3), draw.integers(0, 7, (3, 2))
    results = []
    for move in (np.asarray, to_gpu):
        from w2v import config

        config.GPU = move is to_gpu
        layer = NegativeSamplingLoss(move(table), CORPUS, sample_size=2, sparse=sparse)
        loss = layer.forward(move(h), move(target), move(negatives))
        dh = layer.backward()
        results.append((float(loss), to_cpu(dh), to_cpu(dense(layer.grads[0]))))
    for on_cpu, on_gpu in zip(*results, strict=True):
        assert on_gpu == pytest.approx(on_cpu, rel=1e-6)
