"""A notebook of the book's chapter 4, with only its imports changed."""

import inspect
import pickle
import re
from pathlib import Path

import pytest

from w2v.corpus.book_stream import EOS
from w2v.training import Trainer

TRAIN = """
from w2v import config
from w2v.np import *
import pickle
from w2v.training import Trainer
from w2v.optimizers import Adam
from w2v.models import CBOW, SkipGram
from w2v.sampling import create_contexts_target
from w2v.backend import to_cpu, to_gpu
from w2v.corpus import ptb

window_size = 5
hidden_size = 100
batch_size = 100
max_epoch = 1

corpus, word_to_id, id_to_word = ptb.load_data('train')
vocab_size = len(word_to_id)

contexts, target = create_contexts_target(corpus, window_size)
if config.GPU:
    contexts, target = to_gpu(contexts), to_gpu(target)

model = MODEL(vocab_size, hidden_size, window_size, corpus)
optimizer = Adam()
trainer = Trainer(model, optimizer)

trainer.fit(contexts, target, max_epoch, batch_size)
trainer.plot()

word_vecs = model.word_vecs
if config.GPU:
    word_vecs = to_cpu(word_vecs)
params = {}
params['word_vecs'] = word_vecs.astype(np.float16)
params['word_to_id'] = word_to_id
params['id_to_word'] = id_to_word
with open('cbow_params.pkl', 'wb') as f:
    pickle.dump(params, f, -1)
"""

EVAL = """
from w2v.vectors import most_similar, analogy
import pickle

with open('cbow_params.pkl', 'rb') as f:
    params = pickle.load(f)
    word_vecs = params['word_vecs']
    word_to_id = params['word_to_id']
    id_to_word = params['id_to_word']

querys = ['you', 'year', 'car', 'toyota']
for query in querys:
    most_similar(query, word_to_id, id_to_word, word_vecs, top=5)

analogy('king', 'man', 'queen', word_to_id, id_to_word, word_vecs)
analogy('take', 'took', 'go', word_to_id, id_to_word, word_vecs, answer='went')
"""


IMPORTS = """
from w2v import config
from w2v.np import *
from w2v.layers import Embedding, SigmoidWithLoss
from w2v.sampling import UnigramSampler
from w2v.layers import EmbeddingDot, NegativeSamplingLoss
from w2v.models import CBOW, SkipGram
from w2v.optimizers import Adam
from w2v.training import Trainer
from w2v.sampling import create_contexts_target
from w2v.backend import to_cpu, to_gpu
from w2v.vectors import most_similar, analogy
from w2v.corpus import ptb
"""


@pytest.mark.parametrize("line", IMPORTS.split("\n")[1:-1])
def test_every_import_of_the_books_table_works(line):
    names = {}
    exec(line, names)
    wanted = line.partition(" import ")[2].replace("*", "np").split(", ")
    assert all(name in names for name in wanted)


def test_the_table_holds_no_other_import():
    """Wherever the table is: each import of ours in the documents is one that was tried."""
    root = Path(__file__).parents[1]
    texts = [path.read_text() for path in root.glob("**/*.md") if ".venv" not in path.parts]
    rows = [line for text in texts for line in text.splitlines() if line.startswith("| `from ")]
    ours = {line for row in rows for line in re.findall(r"`(from w2v[^`]*)`", row)}
    assert ours == set(IMPORTS.split("\n")[1:-1])


def test_the_trainer_is_called_as_in_the_book():
    fit = list(inspect.signature(Trainer.fit).parameters)[1:]
    assert fit[:6] == [
        "contexts", "target", "max_epoch", "batch_size", "max_grad", "eval_interval",
    ]  # fmt: skip
    assert list(inspect.signature(Trainer).parameters) == ["model", "optimizer"]


@pytest.fixture
def treebank(tmp_path, monkeypatch):
    """A folder with a text of the Treebank's form."""
    lines = ["you drive a car all year", "a king and a queen", "toyota makes a car", "they go home"]
    lines += ["take what the man took and go", "you went home last year with a car"]
    (tmp_path / "ptb.train.txt").write_text("".join(f" {line} \n" for line in lines * 20))
    monkeypatch.setenv("W2V_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("model", ["CBOW", "SkipGram"])
@pytest.mark.parametrize("gpu", [False, True])
def test_the_books_notebook_runs(treebank, model, gpu, capsys, monkeypatch, request):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(plt, "show", lambda: None)
    if gpu:
        request.getfixturevalue("cupy")
    exec(TRAIN.replace("MODEL", model), {})
    assert "| epoch 1 |  iter 7 / 7 | time 0[s] | loss" in capsys.readouterr().err
    exec(EVAL, {})
    out = capsys.readouterr().out
    assert "[query] toyota\n " in out and "[analogy] take:took = go:?\n==>went:" in out
    with open("cbow_params.pkl", "rb") as file:
        params = pickle.load(file)
    assert params["word_vecs"].shape == (len(params["word_to_id"]), 100)
    assert EOS in params["word_to_id"]
