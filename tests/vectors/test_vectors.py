"""Questions to word vectors, the book's functions, and the model file, safe to open."""

import collections
import io
import os
import pickle
import pickletools
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from w2v import WordVectors
from w2v.backend import to_gpu
from w2v.errors import ModelFileError, OutputError, UnknownWordError
from w2v.vectors import analogy, most_similar

WORDS = ["east", "north-east", "north", "west", "far-east", "nowhere"]
MATRIX = [[1, 0], [1, 1], [0, 1], [-1, 0], [9, 0.5], [0, 0]]


@pytest.fixture
def vectors():
    return WordVectors(WORDS, np.array(MATRIX))


def test_vectors_are_looked_up_by_word(vectors):
    assert len(vectors) == 6 and "north" in vectors and "south" not in vectors
    assert vectors["far-east"].tolist() == [9, 0.5]
    assert vectors.matrix.dtype == np.float32
    assert repr(vectors) == "<WordVectors: 6 words, dim 2>"


def test_similar_words_come_by_cosine_without_the_word_itself(vectors):
    found = vectors.similar("east", topn=3)
    assert [word for word, _ in found] == ["far-east", "north-east", "north"]
    assert found[1][1] == pytest.approx(np.sqrt(0.5))
    assert len(vectors.similar("east", topn=99)) == 5
    assert vectors.similar("east", topn=99)[-1] == ("west", -1.0)


def test_ties_come_in_the_order_of_the_words():
    vectors = WordVectors(["a", "b", "c", "d", "e"], np.ones((5, 3)))
    assert [word for word, _ in vectors.similar("c", topn=3)] == ["a", "b", "d"]


@given(st.integers(2, 40), st.integers(1, 45), st.integers(0, 5))
def test_the_partial_sort_equals_a_full_sort(size, top, seed):
    draw = np.random.default_rng(seed)
    matrix = draw.integers(-2, 3, (size, 2)).astype("f")  # many ties
    vectors = WordVectors([f"w{i}" for i in range(size)], matrix)
    scores = vectors.cosines(matrix[0])
    rows = [row for row in np.argsort(-scores, kind="stable") if row != 0][:top]
    assert vectors.similar("w0", top) == [(f"w{row}", float(scores[row])) for row in rows]


def test_an_analogy_is_b_minus_a_plus_c_of_unit_rows():
    words = ["king", "man", "queen", "woman", "a.m."]
    matrix = np.array([[3, 3, 0.0], [3, 0, 0], [0.1, 0.1, 0.1], [0.2, 0, 0.2], [90, 9, 80]])
    vectors = WordVectors(words, matrix)
    # the book forgets the unit rows, and its long vector wins there
    query = matrix[1] - matrix[0] + matrix[2]
    assert words[np.argmax(matrix @ query)] != "woman"
    assert vectors.analogy("king", "man", "queen", topn=1)[0][0] == "woman"
    score = vectors.analogy_score("king", "man", "queen", "woman")
    assert score == pytest.approx(vectors.analogy("king", "man", "queen", topn=1)[0][1])
    assert vectors.analogy("king", "man", "queen")[1][0] == "a.m."


def test_an_unknown_word_names_close_spellings():
    vectors = WordVectors(["toyota", "toyotas", "honda", "the", "tokyo"], np.eye(5))
    with pytest.raises(UnknownWordError) as error:
        vectors.similar("toyotta")
    assert error.value.word == "toyotta"
    assert error.value.suggestions[:2] == ["toyota", "toyotas"]
    assert "honda" not in error.value.suggestions and len(error.value.suggestions) <= 5
    assert str(error.value).startswith("'toyotta' is not in the vocabulary; did you mean toyota,")
    with pytest.raises(KeyError, match="not in the vocabulary"):
        vectors["zzzzzz"]


def test_words_and_vectors_have_to_fit():
    with pytest.raises(ValueError, match="2 words do not fit"):
        WordVectors(["a", "b"], np.zeros((3, 2)))


def test_the_books_functions_print_and_return(capsys):
    ids = {word: i for i, word in enumerate(WORDS)}
    words = dict(enumerate(WORDS))
    found = most_similar("east", ids, words, np.array(MATRIX), top=2)
    assert [word for word, _ in found] == ["far-east", "north-east"]
    assert most_similar("south", ids, words, np.array(MATRIX)) == []
    analogy("east", "north", "west", ids, words, np.array(MATRIX), top=1, answer="north-east")
    analogy("east", "south", "west", ids, words, np.array(MATRIX))
    out = capsys.readouterr().out
    assert "\n[query] east\n far-east: 0.998" in out and "south is not found" in out
    assert "\n[analogy] east:north = west:?\n==>north-east:" in out


def test_vectors_from_a_gpu_are_kept_on_the_cpu(cupy, tmp_path):
    vectors = WordVectors(WORDS, to_gpu(np.array(MATRIX)))
    assert type(vectors.matrix) is np.ndarray
    w2v.save(vectors, tmp_path / "v.pkl")
    assert type(pickle.loads((tmp_path / "v.pkl").read_bytes())["word_vecs"]) is np.ndarray


# The model file


def test_the_file_is_the_books_pickle(vectors, tmp_path):
    w2v.save(vectors, tmp_path / "v.pkl")
    content = pickle.loads((tmp_path / "v.pkl").read_bytes())
    assert list(content) == ["word_vecs", "word_to_id", "id_to_word"]
    assert type(content["word_vecs"]) is np.ndarray and content["word_vecs"].dtype == np.float16
    assert content["word_to_id"]["north"] == 2 and content["id_to_word"][2] == "north"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, unique=True))
def test_what_is_saved_is_loaded(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("round") / "v.pkl"
    matrix = np.random.default_rng(0).standard_normal((len(words), 3)).astype(np.float16)
    w2v.save(WordVectors(words, matrix), path)
    loaded = w2v.load(path)
    assert loaded.words == words
    assert loaded.matrix.dtype == np.float32 and (loaded.matrix == matrix).all()


def book_content(**other):
    content = {
        "word_vecs": np.array(MATRIX, np.float16),
        "word_to_id": {word: i for i, word in enumerate(WORDS)},
        "id_to_word": dict(enumerate(WORDS)),
    }
    return {**content, **other}


def load_content(tmp_path, content, protocol=pickle.HIGHEST_PROTOCOL):
    path = tmp_path / "model.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return w2v.load(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["<f2", ">f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_pickles_of_any_protocol_and_array_are_read(tmp_path, protocol, kind, order):
    matrix = np.array(MATRIX, kind, order=order)
    vectors = load_content(tmp_path, book_content(word_vecs=matrix), protocol)
    assert vectors.words == WORDS and (vectors.matrix == matrix).all()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_the_names_of_numpy_1_and_2_are_admitted(tmp_path, protocol):
    data = pickle.dumps(book_content(), protocol)
    names = {str(arg) for op, arg, _ in pickletools.genops(data) if isinstance(arg, str)}
    assert any("numpy._core" in name or "numpy.core" in name for name in names)
    old, new = b"numpy.core.", b"numpy._core."
    assert load_content(tmp_path, renamed(data, new, old)).words == WORDS
    assert load_content(tmp_path, renamed(data, old, new)).words == WORDS


def renamed(data, before, after):
    """A pickle with other module names: its opcodes written anew, without frames."""
    out = io.BytesIO()
    operations = [*pickletools.genops(data)]
    ends = [position for _, _, position in operations[1:]] + [len(data)]
    for (op, arg, position), end in zip(operations, ends, strict=True):
        code = data[position:end]
        if op.name == "FRAME":
            continue
        if isinstance(arg, str) and before in arg.encode() and op.name == "SHORT_BINUNICODE":
            text = arg.encode().replace(before, after)
            code = code[:1] + bytes([len(text)]) + text
        elif op.name == "GLOBAL":
            code = code.replace(before, after)
        out.write(code)
    return out.getvalue()


def test_ids_may_be_numpy_integers(tmp_path):
    words = {np.int64(i): word for i, word in enumerate(WORDS)}
    assert load_content(tmp_path, book_content(id_to_word=words)).words == WORDS


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Dict(dict):
    pass


def in_object_array(value):
    array = np.empty(1, object)
    array[0] = value
    return array


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("ids", [range, np.arange, lambda size: np.arange(size, dtype=">i4")])
@pytest.mark.parametrize("kind", ["<U6", ">U6"])
def test_words_and_ids_may_be_numpys_and_many(tmp_path, protocol, ids, kind):
    """As `dict(zip(np.unique(words), np.arange(...)))` gives them; more than one frame of them."""
    words = np.array([f"w{row}é" for row in range(3000)], kind)
    content = {
        "word_vecs": np.ones((3000, 2), np.float16),
        "word_to_id": dict(zip(words, ids(3000), strict=True)),
        "id_to_word": dict(zip(ids(3000), words, strict=True)),
    }
    vectors = load_content(tmp_path, content, protocol)
    assert vectors.words == words.tolist() and {type(word) for word in vectors.words} == {str}


BIG = (1 << 40).to_bytes(8, "little")


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize(
    "content, message",
    [
        (b"\x80\x04Nr\x00\x00\x00\x08.", "asks for a table of 134,217,728 objects"),
        (b"Np99999999999\n.", "asks for a table of 99,999,999,999 objects"),
        (b"\x80\x04})" + 1_000_000 * b"\x85" + b"Ks.", "more tuples"),  # hashed as a key
        (b"\x80\x04}()" + 1_000_000 * b"\x85" + b"Ku.", "more tuples"),
        (b"\x80\x04" + 1_000_000 * b"]" + b".", "more tuples, lists or tables"),
        (b"\x80\x04" + 1_000_000 * b"}" + b".", "more tuples, lists or tables"),
        (b"\x80\x04" + 1_000_000 * b"\x8f" + b".", "more tuples, lists or tables"),
        (b"\x80\x04\x8e" + BIG + b"abc.", "cut off"),
        (b"\x80\x05\x96" + BIG + b"abc.", "cut off"),
        (b"\x80\x04\x95" + BIG + b"N.", "cut off"),
        (b"I" + 100_000 * b"9" + b"\n.", "not a model"),
    ],
)
def test_a_small_pickle_takes_little_memory(tmp_path, content, message):
    """Each is refused by a process that may take 300 MB more than it has."""
    (tmp_path / "hostile.pkl").write_bytes(content)
    code = (
        "import resource, w2v, numpy, w2v.vectors\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (300 << 20),) * 2)\n"
        "try: w2v.load('hostile.pkl')\n"
        "except w2v.errors.ModelFileError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search(message, done.stdout) and "hostile.pkl" in done.stdout


def test_a_pickle_cannot_change_what_reads_it(tmp_path):
    """BUILD sets attributes: the defaults of a function of ours, for the files after this one."""
    defaults = b"}X\x0c\x00\x00\x00__defaults__X\x01\x00\x00\x00ts"
    for name in ("_codecs\nencode", "numpy\ndtype", "numpy.core.multiarray\nscalar"):
        for state in (defaults, b"N" + defaults + b"\x86"):
            with pytest.raises(ModelFileError, match="it changes what reads it"):
                load_content(tmp_path, b"\x80\x02c" + name.encode() + b"\n" + state + b"b.")
    for protocol in (2, 5):
        assert load_content(tmp_path, book_content(), protocol).words == WORDS


def test_a_long_name_is_not_shown_in_full(tmp_path):
    for content in (b"\x80\x04cos\n" + 9000 * b"x" + b"\n.", pickle.dumps({9000 * "x": 1})):
        with pytest.raises(ModelFileError) as error:
            load_content(tmp_path, content)
        assert len(str(error.value)) < 500


def test_a_nested_argument_is_not_taken(tmp_path):
    """What NumPy's names are given is of NumPy's kinds: tuples are not nested through them."""
    for content in (
        b"\x80\x04cnumpy\ndtype\n))\x86R.",
        b"\x80\x04cnumpy.core.multiarray\nscalar\n)C\x01a\x86R.",
        b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n))C\x01b\x87R.",
        b"\x80\x04c_codecs\nencode\n)X\x06\x00\x00\x00latin1\x86R.",
    ):
        with pytest.raises(ModelFileError, match="a tuple where NumPy writes a"):
            load_content(tmp_path, content)


@pytest.mark.parametrize("protocol", range(4))
def test_cupy_arrays_are_named(tmp_path, protocol):
    """As `pickle.dump` writes them from a GPU: an array of NumPy's within a call of CuPy's."""
    data = pickle.dumps(book_content(word_vecs=Call(os.fspath, "x")), protocol)
    data = re.sub(rb"c\w+\nfspath", b"ccupy._core.core\narray", data)
    with pytest.raises(ModelFileError, match=r"holds CuPy arrays.*`.get\(\)`.*save again"):
        load_content(tmp_path, data)


@pytest.mark.parametrize(
    "evil, name",
    [
        (lambda: Call(os.system, "touch ran"), "system"),
        (lambda: Call(eval, "open('ran', 'w')"), "builtin(s|__).eval"),
        (lambda: book_content(extra=Call(os.system, "touch ran")), "system"),
        (lambda: book_content(word_vecs=in_object_array(Call(os.system, "touch ran"))), "system"),
        (lambda: book_content(id_to_word=Call(exec, "open('ran', 'w')")), "builtin(s|__).exec"),
        (lambda: book_content(id_to_word=Dict(enumerate(WORDS))), "Dict|_reconstructor"),
        (lambda: book_content(id_to_word=collections.OrderedDict()), "OrderedDict"),
        (lambda: Call(getattr, "x", "upper"), "getattr"),
        (lambda: Call(np.load, "x"), "numpy"),
        (lambda: Call(subprocess.call, ["touch", "ran"]), "call"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_code_in_a_pickle_is_refused_by_name_and_not_run(tmp_path, evil, name, protocol):
    with pytest.raises(ModelFileError, match="not to be trusted") as error:
        load_content(tmp_path, evil(), protocol)
    assert re.search(f"asks to run [^ ]*({name})", str(error.value))
    assert not (tmp_path / "ran").exists()


def test_the_evil_pickles_of_these_tests_do_run_under_the_ordinary_unpickler(tmp_path):
    pickle.loads(pickle.dumps(Call(os.system, "touch ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        ([1, 2], "holds a list, not a dict"),
        ({}, "not a model"),
        (book_content(word_vecs="x"), "word_vecs is a str"),
        (book_content(word_vecs=np.zeros(6)), "not a table"),
        (book_content(word_vecs=np.zeros((6, 2), complex)), "not word vectors"),
        (book_content(word_vecs=np.array([["a"]])), "not word vectors"),
        (book_content(word_vecs=in_object_array(1)), "not a table"),
        (book_content(word_vecs=np.zeros((3, 2))), "3 vectors do not fit 6 words"),
        (book_content(word_vecs=np.zeros((9, 2))), "not a model"),
        (book_content(word_vecs=np.full((6, 2), np.nan)), "NaN, infinite"),
        (book_content(word_vecs=np.full((6, 2), 1e300)), "too large"),
        (book_content(id_to_word=dict.fromkeys(range(6), "a")), "do not fit"),
        (book_content(id_to_word=dict.fromkeys(range(6), 3)), "not a string"),
        (b"this is not a pickle", "not a model"),
        (b"", "cut off"),
        (b"\x80\x05N.", "holds a NoneType"),
        (b"(dp0\nI1\nb.", "not a model"),
        (b"\x80\x02cnumpy\ndtype\n)\x81}b.", "not a model"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    with pytest.raises(ModelFileError, match=message):
        load_content(tmp_path, content)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_is_refused(tmp_path, share):
    data = pickle.dumps(book_content(word_vecs=np.ones((6, 900), np.float16)))
    with pytest.raises(ModelFileError, match="cut off"):
        load_content(tmp_path, data[: int(len(data) * share)])


@given(st.data())
def test_a_damaged_file_is_refused_or_read_but_never_crashes(tmp_path_factory, data):
    content = bytearray(pickle.dumps(book_content()))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        load_content(tmp_path_factory.mktemp("damaged"), bytes(content))
    except ModelFileError as error:
        assert "model.pkl" in str(error)


def test_a_failed_save_leaves_the_earlier_file(vectors, tmp_path, monkeypatch):
    path = tmp_path / "v.pkl"
    w2v.save(vectors, path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pickle, "dump", fail)
    with pytest.raises(OutputError, match="No space left"):
        w2v.save(vectors, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["v.pkl"]


@pytest.mark.parametrize(
    "weight, message",
    [(1e5, "does not fit float16"), (np.inf, "NaN or infinity"), (np.nan, "NaN or infinity")],
)
def test_weights_that_do_not_fit_the_format_are_refused(tmp_path, weight, message):
    with pytest.raises(OutputError, match=message):
        w2v.save(WordVectors(["a"], np.array([[weight]])), tmp_path / "v.pkl")
    assert os.listdir(tmp_path) == []


def test_a_word_that_stands_twice_is_not_written(tmp_path):
    with pytest.raises(OutputError, match="a word is listed twice"):
        w2v.save(WordVectors(["a", "a"], np.eye(2)), tmp_path / "v.pkl")
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(vectors, tmp_path):
    w2v.save(vectors, tmp_path / "v.pkl")
    (tmp_path / "v.pkl").chmod(0o600)
    (tmp_path / "link").symlink_to("v.pkl")
    w2v.save(WordVectors(["a"], np.ones((1, 2))), tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and len(w2v.load(tmp_path / "v.pkl")) == 1
    assert (tmp_path / "v.pkl").stat().st_mode & 0o777 == 0o600


def test_what_is_no_ordinary_file_is_not_replaced(vectors, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not an ordinary file"):
        w2v.save(vectors, tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_vectors_of_any_length_have_their_cosines():
    for scale in (1e-30, 1e30):
        vectors = WordVectors(["a", "b"], np.array([[1, 0], [1, 1]]) * scale)
        assert vectors.similar("a")[0][1] == pytest.approx(np.sqrt(0.5))


def test_a_saved_file_has_the_rights_of_any_new_file(vectors, tmp_path):
    w2v.save(vectors, tmp_path / "v.pkl")
    (tmp_path / "other").touch()
    assert (tmp_path / "v.pkl").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_reading_a_model_imports_no_module_that_it_names(tmp_path):
    (tmp_path / "evil_module.py").write_text("open('ran', 'w')")
    (tmp_path / "m.pkl").write_bytes(b"cevil_module\nattack\n)R.")
    code = "import w2v\ntry: w2v.load('m.pkl')\nexcept w2v.errors.ModelFileError: print('refused')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "refused\n" and not (tmp_path / "ran").exists()


def test_a_length_that_float32_does_not_hold_is_refused():
    long = WordVectors(["a", "b"], np.array([[3e38, 3e38], [1, 0]]))
    with pytest.raises(ModelFileError, match=r"in row 0 is 4.24264e.38 long.* divide the"):
        long.similarity("a", "b")
    whole = WordVectors(["a", "b"], long.matrix / long.matrix.max())
    assert whole.similarity("a", "b") == pytest.approx(0.5**0.5)
