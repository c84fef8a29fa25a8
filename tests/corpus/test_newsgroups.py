"""20 newsgroups: scikit-learn's posts in its order, the notebook's counts, and odd archives."""

import io
import tarfile

import numpy as np
import pytest
from corpus_cases import stream_of, write

from w2v.config import TextConfig
from w2v.config_file import read_config
from w2v.corpus import newsgroups
from w2v.errors import ConfigError, MissingPackageError
from w2v.sampling import PairBatches
from w2v.training.run import encode_corpus

GROUPS = ["sci.med", "alt.atheism", "rec.autos"]


def post(group, number):
    return (
        f"From: someone\nSubject: none\n\nIn article <1> you wrote:\n> old words\n"
        f"New words of {group}\nnumber {number} caf\xe9\n\n--\nA footer\n"
    ).encode("latin-1")


POSTS = {(group, str(n)): post(group, n) for group in GROUPS for n in (10, 9, 101)}


def make_folder(folder, split="train"):
    for place, text in POSTS.items():
        write(folder.joinpath(f"20news-bydate-{split}", *place), text)
    return folder / f"20news-bydate-{split}"


def make_archive(path, split="train", extra=()):
    with tarfile.open(path, "w:gz") as archive:
        for place, text in [*POSTS.items(), *extra]:
            member = tarfile.TarInfo("/".join((f"20news-bydate-{split}", *place)))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


def encoded(data_dir, **options):
    config = TextConfig(dataset="20newsgroups", data_dir=str(data_dir), min_count=1, **options)
    return encode_corpus(None, config)


def test_posts_are_scikit_learns_in_its_order(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    folder = make_folder(tmp_path)
    loaded = datasets.load_files(folder, encoding="latin-1")  # as fetch_20newsgroups does
    order = np.arange(len(loaded.data))
    np.random.RandomState(1).shuffle(order)  # its random_state
    numbers = [(loaded.data[i].split("number ")[1].split()[0], loaded.target[i]) for i in order]
    lines = b"".join(newsgroups.post_lines([str(make_archive(tmp_path / "a.tgz"))], "train"))
    expected = [
        f"New words of {sorted(GROUPS)[group]} number {number} caf\xe9" for number, group in numbers
    ]
    assert lines.decode().splitlines() == expected and len(expected) == 9


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: make_archive(folder / "20news-bydate-train.tar.gz"),
        lambda folder: make_archive(folder / "20news-bydate.tar.gz"),
        make_folder,
        lambda folder: make_folder(folder / "20newsgroups"),
    ],
)
def test_the_archive_its_part_and_its_folder_give_the_same(tmp_path, make):
    pytest.importorskip("sklearn")
    expected = encoded(make_archive(tmp_path / "20news-bydate-train.tar.gz").parent)
    (tmp_path / "there").mkdir()
    make(tmp_path / "there")
    corpus = encoded(tmp_path / "there")
    assert stream_of(corpus) == stream_of(expected) and corpus.sentences == 9
    assert "footer" not in corpus.vocabulary.words and "old" not in corpus.vocabulary.words


def test_a_folder_is_cached_apart_from_the_text_of_its_files(tmp_path):
    pytest.importorskip("sklearn")
    folder = make_folder(tmp_path)
    posts = encoded(tmp_path)
    plain = encode_corpus([folder], TextConfig(min_count=1, encoding="latin-1"))
    assert plain.words > posts.words
    assert stream_of(encoded(tmp_path)) == stream_of(posts)


def test_the_splits_of_one_archive_are_cached_apart(tmp_path):
    pytest.importorskip("sklearn")
    text = b"\n\nonly in the test split\n"
    extra = [(("..", "20news-bydate-test", "sci.med", "1"), text)]
    make_archive(tmp_path / "20news-bydate.tar.gz", extra=extra)
    for _ in range(2):
        assert encoded(tmp_path).sentences == 9
        assert encoded(tmp_path, split="test").words == 5


def test_nothing_is_written_and_nothing_but_posts_is_read(tmp_path):
    pytest.importorskip("sklearn")
    outside = [(("..", "..", "evil"), b"\n\nevil"), (("a", "b", "deep"), b"\n\ndeep")]
    make_archive(tmp_path / "20news-bydate.tar.gz", extra=outside)
    corpus = encoded(tmp_path)
    assert not {"evil", "deep"} & set(corpus.vocabulary.words)
    assert [path.name for path in tmp_path.iterdir()] == ["20news-bydate.tar.gz"]


def test_odd_archives_are_refused(refused, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.setenv("W2V_DATA_DIR", str(tmp_path))
    command = ["train", "--dataset", "20newsgroups"]
    assert "there is no" in refused(*command) and "--data-dir" in refused(*command)
    assert "has the splits train, test, not valid" in refused(*command, "--split", "valid", code=2)
    path = make_archive(tmp_path / "20news-bydate.tar.gz")
    assert "no posts of 20news-bydate-test" in refused(*command, "--split", "test")
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", b""):
        path.write_bytes(content)
        assert "is damaged, or no archive of posts" in refused(*command)


def test_without_scikit_learn_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets._twenty_newsgroups", None)
    make_archive(tmp_path / "20news-bydate.tar.gz")
    with pytest.raises(MissingPackageError, match="pip install scikit-learn"):
        encoded(tmp_path)


# The notebook


@pytest.fixture
def notebook(data_dir, repository):
    """The posts as configs/newsgroups.toml cleans them, with other options by name."""
    if not (data_dir / "20news-bydate-train.tar.gz").exists():
        pytest.skip("needs 20news-bydate-train.tar.gz in W2V_DATA_DIR")
    pytest.importorskip("sklearn")
    known = TextConfig.__dataclass_fields__
    values = read_config(repository / "configs" / "newsgroups.toml")
    values = {name: value for name, value in values.items() if name in known}

    def read(**options):
        options = {**values, "data_dir": str(data_dir), "cache": False, **options}
        return encode_corpus(None, TextConfig(**options))

    return read


def test_the_counts_are_the_notebooks(notebook):
    assert notebook(min_sentence=1, stop_words=None).sentences == 10_995
    corpus = notebook()
    assert corpus.sentences == 10_940 and len(corpus.vocabulary) + 1 == 64_277
    assert corpus.ids.tolist().index(-1) == 61  # words of the first post
    options = {"window": 10, "negative": 1, "power": 0, "batch_size": 1, "seed": 1}
    batches = PairBatches(corpus.ids, corpus.vocabulary.counts, **options)
    (target, context, labels), words = next(batches.of_epoch(1))
    assert len(target) == len(context) == 2220 and labels.sum() == 1110 and words == 61
    assert len(batches) == 10_940 and batches.pairs == 35_841_312


def test_the_archive_has_11314_posts(data_dir):
    path = data_dir / "20news-bydate-train.tar.gz"
    if not path.exists():
        pytest.skip("needs 20news-bydate-train.tar.gz in W2V_DATA_DIR")
    pytest.importorskip("sklearn")
    lines = b"".join(newsgroups.post_lines([str(path)], "train")).decode().split("\n")
    assert len(lines) == 11_314 + 1
    assert lines[0].startswith("Well i'm not sure about the story nad it did seem biased.")


def test_a_split_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="--dataset 20newsgroups has the splits train, test"):
        encode_corpus(None, TextConfig(dataset="20newsgroups", split="valid"))
