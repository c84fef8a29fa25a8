"""The trainer: the book's loop, batch by batch, and how it shows itself."""

import io
import re

import numpy as np
import pytest

from w2v.config import TrainConfig
from w2v.corpus import with_eos
from w2v.errors import CorpusError, DivergenceError
from w2v.layers import RowGradient
from w2v.models import CBOW, SkipGram
from w2v.optimizers import SGD, Adam
from w2v.sampling import ContextWindows, create_contexts_target
from w2v.training import Listener, Progress, Trainer
from w2v.training.batch_loop import clip, merge_shared
from w2v.training.layers import LayersTraining
from w2v.training.listener import follow
from w2v.training.progress import Reporter
from w2v.training.run import encode_corpus

CORPUS = np.arange(60) % 12


class Recorder:
    """A model with one parameter that notes its batches."""

    def __init__(self, fail_at=None):
        self.params, self.grads = [np.zeros(1)], [np.ones(1)]
        self.batches, self.fail_at = [], fail_at

    def forward(self, contexts, target):
        self.batches.append((contexts, target))
        if len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        return float(len(self.batches))

    def backward(self):
        pass


class Heard(Listener):
    """Keeps the progress that it is told."""

    def __init__(self):
        self.places = []

    def progress(self, at):
        self.places.append(at)


def fit(model, contexts, target, **options):
    trainer = Trainer(model, SGD(lr=1.0))
    options = {"listener": Listener(), "seed": 1, **options}
    trainer.fit(contexts, target, **options)
    return trainer


def test_each_epoch_sees_full_batches_of_each_target_once():
    target = np.arange(23)
    model = Recorder()
    fit(model, target[:, None], target, max_epoch=2, batch_size=5)
    assert len(model.batches) == 8  # 23 // 5 batches an epoch: the last three targets are dropped
    epochs = [np.concatenate([t for _, t in model.batches[e : e + 4]]) for e in (0, 4)]
    assert all(len(set(epoch.tolist())) == 20 for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    assert all((contexts[:, 0] == t).all() for contexts, t in model.batches)


def test_the_book_trains_9295_batches_of_the_treebank_an_epoch():
    windows = ContextWindows(np.zeros(929_589, np.int32), 5)
    assert len(windows) // 100 == 9295


def test_losses_are_means_of_intervals():
    heard = Heard()
    trainer = fit(
        Recorder(),
        np.zeros((10, 2)),
        np.arange(10),
        max_epoch=1,
        batch_size=2,
        eval_interval=2,
        listener=heard,
    )
    assert trainer.loss_list == [1.5, 3.5, 5.0]
    assert [(at.iteration, at.iterations, at.words) for at in heard.places] == [
        (2, 5, 4),
        (4, 5, 8),
        (5, 5, 10),
    ]
    assert trainer.words_done == 10


def test_no_interval_no_report():
    trainer = fit(
        Recorder(), np.zeros((4, 2)), np.arange(4), max_epoch=1, batch_size=2, eval_interval=None
    )
    assert trainer.loss_list == []


def test_same_seed_same_weights_and_windows_like_arrays():
    tables = []
    for contexts, target in (
        create_contexts_target(CORPUS, 2),
        (ContextWindows(CORPUS, 2), CORPUS[2:-2]),
    ):
        model = CBOW(12, 5, 2, CORPUS, seed=4)
        trainer = Trainer(model, Adam())
        trainer.fit(contexts, target, 3, 8, seed=4, listener=Listener())
        tables.append(model.word_vecs)
    assert (tables[0] == tables[1]).all()


def test_sparse_and_dense_gradients_train_the_same():
    tables = []
    for sparse in (False, True):
        model = CBOW(12, 5, 2, CORPUS, seed=4, sparse=sparse)
        trainer = Trainer(model, Adam(lr=0.01))
        windows = ContextWindows(CORPUS, 2)
        trainer.fit(windows, windows.target, 3, 8, 0.05, seed=4, listener=Listener())
        tables.append(model.word_vecs)
    assert tables[0] == pytest.approx(tables[1], abs=1e-5)


def test_training_lowers_the_loss():
    model = CBOW(12, 8, 2, CORPUS, seed=1)
    trainer = Trainer(model, Adam(lr=0.02))
    windows = ContextWindows(CORPUS, 2)
    trainer.fit(windows, windows.target, 60, 8, seed=1, listener=Listener())
    assert trainer.loss_list[-1] < 0.6 * trainer.loss_list[0]


def test_the_command_trains_what_the_books_loop_trains():
    config = TrainConfig(
        engine="layers", optimizer="adam", min_count=1, dim=5, window=2, negative=3, batch_size=8
    )
    text = encode_corpus([[f"w{n}" for n in CORPUS]], config)
    training = LayersTraining.from_config(text, config)
    follow(training.updates(), Listener())
    stream = with_eos(text, config)
    model = CBOW(len(stream.vocabulary), 5, 2, stream.ids, sample_size=3, seed=1, sparse=True)
    trainer, windows = Trainer(model, Adam()), ContextWindows(stream.ids, 2)
    trainer.fit(windows, windows.target, config.epochs, 8, seed=1, listener=Listener())
    assert (training.vectors().matrix == model.word_vecs).all()
    assert training.words_done == trainer.words_done


def test_less_than_a_batch_is_refused():
    with pytest.raises(CorpusError, match="lower --batch-size"):
        fit(Recorder(), np.zeros((4, 2)), np.arange(4), batch_size=5)


def test_ctrl_c_leaves_the_model_as_trained_so_far():
    model = Recorder(fail_at=3)
    trainer = Trainer(model, SGD(lr=1.0))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(np.zeros((10, 2)), np.arange(10), 1, 2, listener=Listener())
    assert model.params[0] == -2 and trainer.words_done == 4


def test_shared_parameters_get_the_sum_of_their_gradients():
    W, other = np.ones(2), np.ones(2)
    params, grads = merge_shared([W, other, W], [np.ones(2), np.zeros(2), np.full(2, 5.0)])
    assert params[0] is W and params[1] is other and len(params) == 2
    assert grads[0].tolist() == [6, 6] and grads[1].tolist() == [0, 0]
    rows = RowGradient(np.array([0]), np.ones((1, 2)), (3, 2))
    _, (total,) = merge_shared([W, W], [rows, rows])
    assert total.dense()[0].tolist() == [2, 2]
    for mixed in ([rows, np.ones((3, 2))], [np.ones((3, 2)), rows]):
        _, (total,) = merge_shared([W, W], mixed)
        assert total.tolist() == [[2, 2], [1, 1], [1, 1]]


def test_clipping_scales_all_gradients_together():
    rows = RowGradient(np.array([1, 1]), np.array([[1.0], [2.0]]), (2, 1))
    clipped = clip([np.array([4.0]), rows], 2.5)
    assert clipped[0] == pytest.approx([2.0], rel=1e-5)
    assert clipped[1].dense().ravel() == pytest.approx([0, 1.5], rel=1e-5)
    assert clip([np.array([0.3])], 1.0)[0].tolist() == [0.3]


def progress(iteration, loss=1.234, learning_rate=None):
    return Progress(
        epoch=2,
        epochs=2,
        iteration=iteration,
        iterations=10,
        words=1000 + iteration * 100,
        total_words=2000,
        seconds=3.4,
        loss=loss,
        learning_rate=learning_rate,
    )


def test_without_a_terminal_a_line_an_interval():
    stream = io.StringIO()
    Reporter(stream).progress(progress(5))
    assert stream.getvalue() == "| epoch 2 |  iter 5 / 10 | time 3[s] | loss 1.23\n"
    Reporter(stream).progress(progress(6, learning_rate=0.025))
    assert stream.getvalue().endswith("| loss 1.23 | lr 0.0250\n")


def test_on_a_terminal_a_bar_with_loss_speed_and_time_left():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    reporter = Reporter(stream)
    reporter.progress(progress(5))
    reporter.progress(progress(10, loss=0.5))
    text = stream.getvalue()
    assert "epoch 2/2" in text and "loss 0.500" in text
    assert re.search(r"2\.00k/2\.00k \[\d\d:\d\d<\d\d:\d\d.* words/s", text)


def test_a_bar_that_is_closed_leaves_the_line():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    reporter = Reporter(stream)
    reporter.progress(progress(5))
    reporter.close()
    assert stream.getvalue().endswith("\n")


def test_a_broken_stream_ends_the_reports_and_not_the_training():
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    reporter = Reporter(Broken())
    reporter.note("words")
    reporter.progress(progress(5))
    reporter.progress(progress(6))
    assert reporter.stream is None


def test_weights_out_of_range_end_the_training_also_without_reports():
    model = Recorder()
    trainer = Trainer(model, SGD(lr=1e6))
    with pytest.raises(DivergenceError, match=r"a weight is 2e.06 after 4 words"):
        trainer.fit(np.zeros((4, 2)), np.arange(4), 3, 2, eval_interval=None)


def test_the_loss_curve_knows_its_iterations():
    trainer = fit(
        Recorder(), np.zeros((10, 2)), np.arange(10), max_epoch=2, batch_size=2, eval_interval=2
    )
    assert trainer.iteration_list == [2, 4, 5, 7, 9, 10]


def test_the_loss_curve_is_a_png(tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    trainer = fit(Recorder(), np.zeros((10, 2)), np.arange(10), batch_size=2, eval_interval=1)
    trainer.plot(path=tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", [CBOW, SkipGram])
@pytest.mark.parametrize("max_grad", [None, 1.0])
def test_the_host_does_not_wait_for_a_gpu_at_each_step(cupy, model, max_grad):
    """Nor are there many operations in a step: each costs the host some microseconds."""
    ids = cupy.asarray(np.random.default_rng(0).integers(0, 10, 62))
    network = model(10, 8, 1, ids, sample_size=1, seed=1, sparse=True)
    windows, trainer = ContextWindows(ids, 1), Trainer(network, Adam())
    trainer.fit(windows, windows.target, 1, 2, max_grad, None, seed=1)
    cupy.work.update(launches=0, waits=0)
    trainer.fit(windows, windows.target, 1, 2, max_grad, None, seed=1)
    steps = 30
    assert cupy.work["waits"] <= 10  # the ids before, the weights after
    each = 3 if max_grad is None else 4
    assert each * steps <= cupy.work["launches"] <= each * steps + 20


@pytest.mark.parametrize("model", [CBOW, SkipGram])
def test_the_layers_themselves_do_not_wait_for_a_gpu_either(cupy, model):
    """With gradients in arrays, as in the book: the rest is what the kernels are compared with."""
    ids = cupy.asarray(np.random.default_rng(0).integers(0, 50, 500))
    network, windows = model(50, 8, 2, ids, seed=1), ContextWindows(ids, 2)
    trainer = Trainer(network, Adam())
    trainer.fit(windows, windows.target, 1, 50, None, None, seed=1)
    cupy.work.update(launches=0, waits=0)
    trainer.fit(windows, windows.target, 4, 50, None, None, seed=1)
    assert cupy.work["waits"] <= 2 * 4 + 1
    assert cupy.work["launches"] <= 25 * 4 * 9


@pytest.mark.parametrize("table", [0, 1])
def test_a_weight_that_is_not_a_number_is_noticed_in_either_table(table):
    model = CBOW(3, 4, 1, np.array([0, 1, 2, 1]))
    loop = Trainer(model, SGD())
    loop._check_weights()
    model.params[table][2, 1] = np.nan
    with pytest.raises(DivergenceError, match="a weight is nan"):
        loop._check_weights()
