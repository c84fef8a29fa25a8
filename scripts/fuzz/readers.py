"""Every reader of files, with real files that it reads, and what a valid result is."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pyarrow.parquet
import zstandard

import w2v
from w2v.cli.neighbours import read_words
from w2v.config import TextConfig, TrainConfig
from w2v.config_file import read_config
from w2v.corpus import encoded_corpus
from w2v.corpus.encoding import encode_files
from w2v.corpus.stop_words import read_stop_words
from w2v.corpus.vocabulary import Vocabulary
from w2v.vectors.evaluation.files import read_analogies, read_pairs

WORDS = ["the", "of", "king", "queen", "new york", "café", "語", "1.5", "-", "x" * 300]
TEXT = "the king of the north\nand the queen\n\na 1.5 語 café\n" * 5

Files = dict[str, bytes]
"""The files of one input by name, the one that is read first."""


@dataclass(frozen=True)
class Reader:
    """read: reads a file, and raises AssertionError where what it read is not valid. seeds: inputs
    that are valid. unpack, pack: to change what is in a file, and make a whole file of it again."""

    read: Callable[[Path], object]
    seeds: list[Files]
    unpack: Callable[[bytes], bytes] | None = None
    pack: Callable[[bytes], bytes] | None = None


def _vectors() -> w2v.WordVectors:
    matrix = numpy.random.default_rng(1).normal(size=(len(WORDS), 7)).astype("f4")
    return w2v.WordVectors(WORDS, matrix, numpy.arange(len(WORDS), 0, -1))


def _saved(folder: Path, *names: str) -> list[Files]:
    """The vectors in files of these names."""
    vectors, seeds = _vectors(), []
    without_spaces = w2v.WordVectors([word.replace(" ", "_") for word in WORDS], vectors.matrix)
    for name in names:
        w2v.save(without_spaces if name.endswith(".bin") else vectors, folder / name)
        meta = folder / name.replace(".tsv", ".meta.tsv")
        files = {
            path.name: path.read_bytes() for path in {folder / name: 0, meta: 0} if path.exists()
        }
        seeds.append(files)
    return seeds


def _old_pickles() -> list[Files]:
    """The book's pickle as other protocols write it."""
    vectors = _vectors()
    content = {
        "word_vecs": vectors.matrix.astype("f2"),
        "word_to_id": {word: number for number, word in enumerate(WORDS)},
        "id_to_word": dict(enumerate(WORDS)),
    }
    return [{"v.pkl": pickle.dumps(content, protocol)} for protocol in (0, 2, 4)]


def check_vectors(path: Path, **options: bool) -> None:
    """Load vectors and ask them a question."""
    vectors = w2v.load(path, **options)
    words, matrix = list(vectors.words), vectors.matrix
    assert matrix.ndim == 2 and len(words) == len(matrix)
    assert all(type(word) is str and word for word in words), "a word is not a string"
    assert numpy.isfinite(matrix).all(), "a number is not finite"
    assert vectors.counts is None or (
        len(vectors.counts) == len(words) and vectors.counts.min() >= 0
    )
    if words:
        vectors.similar(words[0], topn=3)


def check_glove(path: Path) -> None:
    """The same for text without a header."""
    check_vectors(path, header=False)


def check_corpus(path: Path, encoding: str = "utf-8") -> None:
    """Encode a text."""
    config = TextConfig(min_count=1, cache=False, encoding=encoding)
    corpus = encode_files([path], config, threads=1)
    _check_encoded(corpus)
    counts = numpy.bincount(corpus.ids[corpus.ids >= 0])
    assert (counts == corpus.vocabulary.counts).all(), "counts are not those of the ids"


def check_wide_corpus(path: Path) -> None:
    """The same in UTF-16."""
    check_corpus(path, "utf-16")


def check_entry(path: Path) -> None:
    """Load an encoded text; one whose checksums hold need not be what was encoded."""
    encoded_corpus.read_header(path)
    _check_encoded(encoded_corpus.load(path))


def _check_encoded(corpus: encoded_corpus.EncodedCorpus) -> None:
    words = corpus.vocabulary.words
    assert all(type(word) is str and word for word in words) and len(set(words)) == len(words)
    assert corpus.ids.min() >= -1 and corpus.ids.max() < len(words)
    assert corpus.vocabulary.counts.min() >= 1 and 1 <= corpus.sentences <= corpus.words


def check_config(path: Path) -> None:
    """Read a configuration and make options of it."""
    values = read_config(path)
    values.pop("corpus", None)
    TrainConfig(**values)


def _entry() -> bytes:
    file = io.BytesIO(numpy.array([0, 1, 0, -1, 1, 2, -1], "<i4").tobytes())
    path = Path("seed.ids")
    with open(path, "w+b") as out:
        out.write(file.getvalue())
        source = encoded_corpus.Source("a.txt", 10, 1, 2, 3, "0" * 64)
        header = encoded_corpus.Header({"min_count": 1}, [source], 7, 3, 0)
        vocabulary = Vocabulary(["a", "b", "語"], numpy.array([2, 2, 1]))
        encoded_corpus.finish_file(out, vocabulary, header)
    data = path.read_bytes()
    path.unlink()
    return data


def _sums_made_anew(data: bytes) -> bytes:
    """An encoded text whose checksums hold again, if it has a header still."""
    length = int.from_bytes(data[-16:-8], "little")
    try:
        content = json.loads(data[-16 - length : -16])
        ids = 4 * content["ids"]
        body = data[: -16 - length]
        content.pop("checksum", None)
        content["ids_checksum"] = encoded_corpus.checksum(body[:ids])
        content["vocabulary_checksum"] = encoded_corpus.checksum(body[ids:])
        content["checksum"] = encoded_corpus.checksum(json.dumps(content).encode())
    except Exception:
        return data
    text = json.dumps(content).encode()
    return body + text + len(text).to_bytes(8, "little") + encoded_corpus.MAGIC


def _first_member(data: bytes) -> bytes:
    """The members of an archive, each with its name and length before it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n\0\n".join(
            name.encode() + b"\0\n" + archive.read(name) for name in archive.namelist()
        )


def _archive(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in data.split(b"\n\0\n"):
            name, _, content = member.partition(b"\0\n")
            archive.writestr(zipfile.ZipInfo(name.decode("latin-1")[:100]), content)
    return out.getvalue()


def _header_of(data: bytes) -> bytes:
    return data[8:]


def _with_length(data: bytes) -> bytes:
    """A safetensors file whose header ends at its last closing brace."""
    stop = data.rfind(b"}}") + 2 if b"}}" in data else min(len(data), 100)
    return stop.to_bytes(8, "little") + data


PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    ".gz": (gzip.decompress, lambda data: gzip.compress(data, 1)),
    ".bz2": (bz2.decompress, lambda data: bz2.compress(data, 1)),
    ".xz": (lzma.decompress, lambda data: lzma.compress(data, preset=0)),
    ".zst": (zstandard.decompress, lambda data: zstandard.compress(data, 1)),
}


def _packed(read: Callable[[Path], Any], name: str, data: bytes, ending: str) -> Reader:
    unpack, pack = PACKERS[ending]
    return Reader(read, [{name + ending: pack(data)}], unpack, pack)


def _parquet() -> list[Files]:
    lines = TEXT.split("\n")
    seeds = []
    for compression in ("none", "snappy", "zstd"):
        out = io.BytesIO()
        table = pyarrow.table({"id": list(range(len(lines))), "text": lines})
        pyarrow.parquet.write_table(table, out, compression=compression)
        seeds.append({"t.parquet": out.getvalue()})
    return seeds


def _rows() -> dict[str, list[Files]]:
    lines = TEXT.splitlines()
    as_json = "".join(
        json.dumps({"id": 1, "text": line}, ensure_ascii=False) + "\n" for line in lines
    )
    return {
        "jsonl": [{"t.jsonl": as_json.encode()}],
        "csv": [{"t.csv": ("id,text\n" + "".join(f'1,"{line}"\n' for line in lines)).encode()}],
    }


CONFIG = b"""# options
corpus = ["a.txt", "b.txt"]
model = "skipgram"
dim = 50
window = 3
min-count = 2
lr = 0.025
sample = 1e-4
keep_numbers = true
tokenizer = "words"
output = 'v.bin'
"""
ANALOGIES = b": capital\nAthens Greece Baghdad Iraq\nOslo Norway Rome Italy\n: gram\na b c d\n"
PAIRS = b"word1\tword2\tscore\n# pairs\nking\tqueen\t8.5\ncaf\xc3\xa9\tbar\t3\n"


def make_readers(folder: Path) -> dict[str, Reader]:
    """All readers by name. folder: an empty one to make the real files in."""
    text = TEXT.encode()
    word2vec = _saved(folder, "v.bin", "v.txt")
    binary, plain = (next(iter(files.values())) for files in word2vec)
    readers = {
        "pickle": Reader(check_vectors, [*_saved(folder, "v.pkl"), *_old_pickles()]),
        "bin": Reader(check_vectors, word2vec[:1]),
        "txt": Reader(check_vectors, word2vec[1:]),
        "glove": Reader(check_glove, [{"v.txt": plain.partition(b"\n")[2]}]),
        "safetensors": Reader(
            check_vectors, _saved(folder, "v.safetensors"), _header_of, _with_length
        ),
        "npz": Reader(check_vectors, _saved(folder, "v.npz"), _first_member, _archive),
        "tsv": Reader(check_vectors, _saved(folder, "v.tsv")),
        "cache": Reader(check_entry, [{"t.ids": _entry()}], bytes, _sums_made_anew),
        "corpus": Reader(check_corpus, [{"t.txt": text}]),
        "corpus-wide": Reader(check_wide_corpus, [{"t.txt": TEXT.encode("utf-16")}]),
        "parquet": Reader(check_corpus, _parquet()),
        "toml": Reader(check_config, [{"c.toml": CONFIG}]),
        "analogies": Reader(read_analogies, [{"a.txt": ANALOGIES}]),
        "pairs": Reader(read_pairs, [{"p.tsv": PAIRS}, {"p.csv": PAIRS.replace(b"\t", b",")}]),
        "stop-words": Reader(lambda path: read_stop_words(str(path)), [{"s.txt": text}]),
        "words": Reader(lambda path: read_words(str(path)), [{"w.txt": "\n".join(WORDS).encode()}]),
    }
    for kind, seeds in _rows().items():
        readers[kind] = Reader(check_corpus, seeds)
    for ending in PACKERS:
        readers[f"bin{ending}"] = _packed(check_vectors, "v.bin", binary, ending)
        readers[f"txt{ending}"] = _packed(check_vectors, "v.txt", plain, ending)
        readers[f"corpus{ending}"] = _packed(check_corpus, "t.txt", text, ending)
    return readers
