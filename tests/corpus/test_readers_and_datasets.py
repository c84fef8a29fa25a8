"""From files to ids: readers, vocabulary, the Penn Treebank and the demo corpus."""

import bz2
import gzip
import os

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import w2v
from w2v.config import TextConfig
from w2v.corpus import EOS, datasets, demo, ptb, with_eos
from w2v.corpus.blocks import cut_blocks, text_blocks
from w2v.corpus.encoding import encode_files, encode_sentences
from w2v.corpus.unpacking import byte_blocks
from w2v.corpus.utf8 import to_utf8
from w2v.errors import CorpusError, MissingPackageError


def tokens_of(path, **options):
    """The words of a file, with `<eos>` where an encoded corpus has its mark."""
    text = encode_files([path], TextConfig(min_count=1, **options))
    names = [*text.vocabulary.words, EOS]
    return [names[i] for i in text.ids]


def encode(sentences, **options):
    """Ready-made sentences as the book's stream."""
    config = TextConfig(**{"min_count": 1, **options})
    return with_eos(encode_sentences(sentences, config), config)


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


TEXT = "the cat  sat\n\n   \non the\tmat\nlast line"
TOKENS = ["the", "cat", "sat", EOS, "on", "the", "mat", EOS, "last", "line", EOS]


def test_each_line_ends_in_eos_and_blank_lines_do_not_count(tmp_path):
    assert tokens_of(write(tmp_path / "a.txt", TEXT)) == TOKENS
    assert tokens_of(write(tmp_path / "a.txt", TEXT + "\n")) == TOKENS
    assert tokens_of(write(tmp_path / "a.txt", TEXT.replace("\n", "\r\n"))) == TOKENS


def test_compressed_text_and_stdin_read_the_same(tmp_path, monkeypatch):
    data = TEXT.encode()
    assert tokens_of(write(tmp_path / "a.gz", gzip.compress(data))) == TOKENS
    assert tokens_of(write(tmp_path / "a.bz2", bz2.compress(data))) == TOKENS
    assert tokens_of(write(tmp_path / "a.zst", zstandard.compress(data))) == TOKENS
    two_frames = zstandard.compress(data[:20]) + zstandard.compress(data[20:])
    assert tokens_of(write(tmp_path / "a.zst", two_frames)) == TOKENS
    with open(write(tmp_path / "a.txt", data)) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert tokens_of("-") == TOKENS


def test_lower_case_encodings_and_a_byte_order_mark(tmp_path):
    path = write(tmp_path / "a.txt", "Éa B".encode("latin-1"))
    assert tokens_of(path, encoding="latin-1") == ["Éa", "B", EOS]
    assert tokens_of(path, encoding="latin-1", lowercase=True) == ["éa", "b", EOS]
    assert tokens_of(path, encoding_errors="replace") == ["\ufffda", "B", EOS]
    assert tokens_of(path, encoding_errors="ignore") == ["a", "B", EOS]
    assert tokens_of(write(tmp_path / "b.txt", "a b".encode("utf-16")), encoding="utf-16") == [
        "a",
        "b",
        EOS,
    ]
    assert tokens_of(write(tmp_path / "c.txt", "a b".encode("utf-8-sig"))) == ["a", "b", EOS]


def test_a_long_line_is_read_whole(tmp_path):
    line = " ".join(f"w{i}" for i in range(300_000))  # longer than a block
    tokens = tokens_of(write(tmp_path / "a.txt", line))
    assert tokens == [*line.split(), EOS]
    word = "x" * 1_000_000
    assert tokens_of(write(tmp_path / "a.txt", f"a {word} b")) == ["a", word, "b", EOS]
    for size in (1_100_000, 6_000_000):
        with pytest.raises(CorpusError, match=r"a word of more than 1,048,576 bytes, .* 'xxx"):
            tokens_of(write(tmp_path / "a.txt", f"a {'x' * size} b"))


def test_whatever_goes_wrong_in_a_reader_names_the_file_and_keeps_the_cause(tmp_path, monkeypatch):
    path = write(tmp_path / "a.txt", "a b\n")

    def fail(*_):
        raise RecursionError("too deep")
        yield

    monkeypatch.setattr("w2v.corpus.blocks.to_utf8", fail)
    with pytest.raises(
        CorpusError, match=r"a\.txt cannot be read: RecursionError: too deep"
    ) as error:
        tokens_of(path)
    assert isinstance(error.value.__cause__, RecursionError)


@given(st.text("ab \né\u3000"), st.lists(st.integers(1, 5)))
def test_the_cuts_between_blocks_do_not_matter(text, cuts):
    data, pieces = text.encode(), []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    pieces = list(to_utf8([*pieces, data], "name", "utf-8", "strict"))
    for size in (1, 3, 7, 1000):
        blocks = list(cut_blocks(pieces, size))
        assert b"".join(blocks) == text.encode()
        assert all(block.decode()[-1].isspace() for block in blocks[:-1])
        assert blocks == list(cut_blocks([text.encode()], size))


@pytest.mark.parametrize(
    "content, offset",
    [(b"ab\xff cd", 2), (b"ab cd\xe2\x82", 5), (b"x" * (1 << 20) + b"\xe2\x82 y", 1 << 20)],
)
def test_invalid_utf8_is_an_error_that_names_the_byte(tmp_path, content, offset):
    path = write(tmp_path / "a.txt", content)
    with pytest.raises(CorpusError, match=f"a.txt: invalid utf-8 at byte offset {offset} "):
        tokens_of(path)


def test_a_character_that_is_cut_by_a_block_border_is_whole_or_named_where_it_begins():
    assert b"".join(to_utf8([b"a\xe2", b"\x82\xac"], "x", "utf-8", "strict")).decode() == "a€"
    with pytest.raises(CorpusError, match="byte offset 1 "):
        list(to_utf8([b"a\xe2", b"\x82z"], "x", "utf-8", "strict"))


def test_nul_bytes_are_an_error_that_names_the_byte(tmp_path):
    with pytest.raises(CorpusError, match="NUL byte at offset 3"):
        tokens_of(write(tmp_path / "a.txt", b"abc\0def"))
    with pytest.raises(CorpusError, match="NUL"):
        tokens_of(write(tmp_path / "a.txt", "a\0b".encode("utf-16")), encoding="utf-16")


def test_damaged_compressed_files_are_errors(tmp_path):
    data = os.urandom(100_000)
    for name, kind, whole in (
        ("a.gz", "gzip", gzip.compress(data)),
        ("a.zst", "zstd", zstandard.compress(data)),
        ("a.bz2", "bzip2", bz2.compress(data)),
    ):
        with pytest.raises(CorpusError, match="cut off"):
            list(byte_blocks(write(tmp_path / name, whole[:-500])))
        with pytest.raises(CorpusError, match=f"not {kind}"):
            list(byte_blocks(write(tmp_path / name, b"this is plain text")))


def test_words_get_ids_by_falling_frequency_or_first_appearance():
    sentences = [["b", "a", "c"], ["a", "c", "a"]]
    corpus = encode(sentences)
    assert corpus.vocabulary.words == ["a", "c", EOS, "b"]
    assert corpus.vocabulary.counts.tolist() == [3, 2, 2, 1]
    assert corpus.ids.tolist() == [3, 0, 1, 2, 0, 1, 0, 2] and corpus.ids.dtype == np.int32
    corpus = encode(sentences, vocab_order="appearance")
    assert corpus.vocabulary.words == ["b", "a", "c", EOS]
    assert corpus.ids.tolist() == [0, 1, 2, 3, 1, 2, 1, 3]


def test_rare_words_leave_the_stream():
    sentences = [["b", "a", "c", "a", "c", "a", "d", "d"]]
    corpus = encode(sentences, min_count=2)  # also of <eos>, which occurs once
    assert corpus.vocabulary.words == ["a", "c", "d"]
    assert corpus.ids.tolist() == [0, 1, 0, 1, 0, 2, 2]
    corpus = encode(sentences, min_count=2, max_vocab=2, vocab_order="appearance")
    assert corpus.vocabulary.words == ["a", "c"]
    assert corpus.ids.tolist() == [0, 1, 0, 1, 0]


def test_nothing_left_is_an_error():
    with pytest.raises(CorpusError, match="no words"):
        encode([[]])
    with pytest.raises(CorpusError, match="no word occurs 3 times; lower --min-count"):
        encode([["a", "b", "a"]], min_count=3)


SENTENCES = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", EOS]), min_size=1), min_size=1)


@given(SENTENCES, st.integers(1, 3), st.none() | st.integers(1, 4))
@pytest.mark.parametrize("order", ["frequency", "appearance"])
def test_eos_is_counted_and_numbered_like_a_word(order, sentences, min_count, max_vocab):
    stream = [word for sentence in sentences for word in [*sentence, EOS]]
    counts = {word: stream.count(word) for word in dict.fromkeys(stream)}
    ranked = sorted(counts, key=lambda word: -counts[word])  # stable: ties by first appearance
    kept = [word for word in ranked if counts[word] >= min_count][:max_vocab]
    if order == "appearance":
        kept = [word for word in counts if word in kept]
    corpus = with_eos_chosen(sentences, min_count, max_vocab, order)
    assert corpus.vocabulary.words == kept
    assert corpus.vocabulary.counts.tolist() == [counts[word] for word in kept]
    assert [kept[i] for i in corpus.ids] == [word for word in stream if word in kept]


def with_eos_chosen(sentences, min_count, max_vocab, order):
    """The choice of words made by `with_eos` alone, on a corpus that has them all."""
    whole = encode_sentences(sentences, TextConfig(min_count=1, vocab_order=order))
    config = TextConfig(min_count=min_count, max_vocab=max_vocab, vocab_order=order)
    return with_eos(whole, config)


def test_the_demo_corpus_is_always_the_same():
    corpus = encode(demo.read_sentences())
    assert len(corpus.ids) == pytest.approx(demo.TOKENS, abs=20)
    again = encode(demo.read_sentences())
    assert (corpus.ids == again.ids).all()
    assert corpus.vocabulary.words == again.vocabulary.words
    other = encode(demo.read_sentences(seed=1))
    assert len(other.ids) != len(corpus.ids) or (other.ids != corpus.ids).any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_demo_corpus_has_its_answers(seed):
    vectors = w2v.train(seed=seed)
    assert vectors.analogy("king", "man", "queen", topn=1)[0][0] == "woman"
    assert vectors.analogy("take", "took", "go", topn=1)[0][0] == "went"
    assert vectors.analogy("car", "cars", "child", topn=1)[0][0] == "children"
    assert vectors.analogy("good", "better", "bad", topn=1)[0][0] == "worse"
    assert vectors.analogy("france", "paris", "japan", topn=1)[0][0] == "tokyo"
    makers = set(demo.MAKERS.split()) - {"toyota"}
    assert {word for word, _ in vectors.similar("toyota", topn=5)} <= makers


def test_the_treebank_is_read_as_in_the_book(data_dir):
    corpus, word_to_id, id_to_word = ptb.load_data("train", data_dir)
    assert len(corpus) == 929_589 and len(word_to_id) == len(id_to_word) == 10_000
    assert [id_to_word[i] for i in (0, 1, 2)] == ["aer", "banknote", "berlitz"]
    assert corpus[:3].tolist() == [0, 1, 2]
    assert word_to_id[EOS] == 24 == corpus[24]
    assert len(ptb.load_data("test", data_dir)[0]) == 82_430
    assert len(ptb.load_data("val", data_dir)[0]) == 73_760


def test_a_data_folder_is_read_in_both_layouts(tmp_path, monkeypatch):
    path = write(tmp_path / "ptb.train.txt", " a b \n")
    assert datasets.dataset_file("ptb", "train", tmp_path) == path
    (tmp_path / "ptb").mkdir()
    path = write(tmp_path / "ptb" / "ptb.train.txt", " a b \n")
    monkeypatch.setenv("W2V_DATA_DIR", str(tmp_path))
    assert datasets.dataset_file("ptb", "train") == path
    with pytest.raises(CorpusError, match=r"ptb\.test\.txt.*--data-dir or W2V_DATA_DIR"):
        datasets.dataset_file("ptb", "test")


@pytest.fixture
def pooch(monkeypatch, tmp_path):
    """pooch with an empty cache of its own."""
    module = pytest.importorskip("pooch")
    monkeypatch.setattr(module, "os_cache", lambda name: tmp_path / "cache")
    return module


def test_a_download_is_checked_and_made_once(pooch, tmp_path, monkeypatch):
    served = write(tmp_path / "served.txt", " a b \n")
    asked = []

    def download(url, output_file, _pooch):
        asked.append(url)
        write(pooch.utils.Path(output_file), served.read_bytes())

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: download)
    good = pooch.file_hash(str(served))
    monkeypatch.setitem(
        datasets.FILES,
        ("ptb", "train"),
        datasets.Download("ptb", "ptb.train.txt", "https://example.org/t", good),
    )
    for _ in range(2):
        assert datasets.dataset_file("ptb", "train").read_text() == " a b \n"
    assert asked == ["https://example.org/t"]
    with pytest.raises(CorpusError, match="hash"):
        datasets.dataset_file("ptb", "valid")  # the served bytes are not the Treebank's


def test_offline_with_nothing_cached_names_both_ways_out(pooch, monkeypatch, refused):
    def download(url, output_file, _pooch):
        raise OSError("Name or service not known")

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: download)
    line = refused("train", "--dataset", "ptb")
    assert "with a network" in line and "--data-dir FOLDER (or set W2V_DATA_DIR)" in line


def test_without_pooch_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(MissingPackageError, match="pip install pooch"):
        datasets.dataset_file("ptb", "train")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's list of open files")
def test_a_text_that_is_refused_half_way_is_closed(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"abc \xff def")
    with pytest.raises(CorpusError) as refused:  # holds on to what was under way
        list(text_blocks([str(path)], TextConfig()))
    opened = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
    assert str(path) not in opened and "byte offset 4" in str(refused.value)
