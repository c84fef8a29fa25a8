"""The commands that ask word vectors, as a user types them."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import w2v as package
from w2v import WordVectors

WORDS = ["toyota", "honda", "king", "queen", "man", "woman", "été"]
MATRIX = [
    [1, 0, 0, 0],
    [0.9, 0.1, 0, 0],
    [0, 1, 1, 0],
    [0, 1, 0, 1],
    [0, 0.2, 1, 0],
    [0, 0.2, 0, 1],
    [0.5, 0.5, 0.5, 0.25],
]


@pytest.fixture(autouse=True)
def vectors():
    vectors = WordVectors(WORDS, np.array(MATRIX))
    package.save(vectors, "vectors.pkl")
    return package.load("vectors.pkl")  # in float16


@pytest.fixture
def stdin(monkeypatch):
    def give(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return give


def answers(found):
    return [(answer["word"], pytest.approx(answer["score"], abs=1e-5)) for answer in found]


def test_similar_to_several_words_together(w2v, vectors):
    options = ["-p", "king", "--positive", "woman", "-n", "man", "--top", 2]
    code, out, err = w2v("similar", *options)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "[query] king woman - man"
    assert out.splitlines()[1].startswith("  queen  0.9")
    content = json.loads(w2v("similar", *options, "--json")[1])
    assert content[0]["query"] == {"positive": ["king", "woman"], "negative": ["man"]}
    expected = vectors.most_similar(["king", "woman"], ["man"], topn=2)
    assert answers(content[0]["similar"]) == expected
    content = json.loads(w2v("similar", *options, "--json", "--cosmul")[1])
    expected = vectors.most_similar_cosmul(["king", "woman"], ["man"], topn=2)
    assert answers(content[0]["similar"]) == expected


def test_similar_to_negative_words_only(w2v, vectors):
    content = json.loads(w2v("similar", "-n", "king", "-n", "man", "--json")[1])
    assert answers(content[0]["similar"]) == vectors.most_similar(negative=["king", "man"], topn=5)
    assert content[0]["query"] == {"positive": [], "negative": ["king", "man"]}


def test_similar_to_vectors_from_stdin(w2v, vectors, stdin):
    stdin("king 0 1 1 0\n\n0.9, 0.1, 0, 0\n")
    content = json.loads(w2v("similar", "-", "--json", "--top", 7)[1])
    assert [query["query"] for query in content] == ["king", "line 3"]
    assert answers(content[0]["similar"])[0] == ("king", 1.0)  # a vector excludes no word
    stdin(w2v("vector", "king", "été")[1])
    out = w2v("similar", "-", "--top", 1)[1]
    assert out == "[query] king\n  king  1.0000\n[query] été\n  été  1.0000\n"


ODD = [
    "new york",
    "1,000",
    "1 2",
    "1984",
    ",",
    "a,",
    "\u00a0",
    "new\u00a0york",
    '"',
    '5"',
    "-",
    "--",
]
ODD += ["+", "king - man", "[", '"quoted"', "a  b", "0.5", "nan", "1e5", "don't", "a\u3000b", "#"]


@pytest.mark.parametrize("word", ODD)
def test_any_word_can_be_piped_and_asked(w2v, stdin, word):
    package.save(WordVectors([word, "x", "y"], np.eye(3)), "odd.safetensors")
    options = ["--model", "odd.safetensors", "--json"]
    stdin(w2v("vector", "--model", "odd.safetensors", "--", word)[1])
    content = json.loads(w2v("similar", "-", *options)[1])
    assert content[0]["similar"][0] == {"word": word, "score": 1.0}
    assert content[0]["query"].strip() in (word, word.strip() or "line 1")
    quoted = '"' + word.replace('"', '""') + '"'
    stdin(f"{quoted}\n{quoted} x\n{quoted} x y\nx - {quoted}\nx -{quoted} + y\n")
    code, out, err = w2v("ask", *options)
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "") and answers[1]["similarity"] == 0
    assert {answer["word"] for answer in answers[0]["similar"]} == {"x", "y"}
    assert answers[2]["analogy"] == [] and answers[4]["similar"] == []
    assert answers[3]["similar"] == [{"word": "y", "score": 0}]


def test_vectors_are_piped_with_commas_and_a_byte_order_mark(w2v, stdin):
    stdin("\ufeffking,0,1,1,0\r\nmy king, 0, 1, 1, 0\r\n0,1,1,0\nking\t0\t1\t1\t0\n")
    content = json.loads(w2v("similar", "-", "--json", "--top", 1)[1])
    assert [query["query"] for query in content] == ["king", "my king", "line 3", "king"]
    assert all(query["similar"][0]["word"] == "king" for query in content)


def test_a_quote_that_is_not_closed_is_named(w2v, stdin):
    stdin('"new york\nking "queen\n"king"x\n')
    code, _, err = w2v("ask")
    assert code == 1 and err.count("a double quote is not closed") == 3


def test_words_are_asked_in_a_unicode_form(w2v, refused, stdin, tmp_path):
    typed = "e\u0301te\u0301"  # as macOS gives names; the vocabulary has été in NFC
    line = refused("similar", typed)
    assert "in the Unicode form NFC" in line and "--normalize nfc" in line
    for command in (
        ["similar", typed],
        ["similar", "-p", typed, "-n", typed],
        ["analogy", typed, "king", typed, "--answer", typed],
        ["similarity", typed, "king"],
        ["rank", "king", typed],
        ["vector", typed],
        ["odd-one-out", "king", typed, "queen"],
    ):
        for option in (["--normalize", "nfc"], ["--normalize", "nfkc"]):
            assert w2v(*command, *option)[0] == 0
        assert w2v(*command)[0] in (0, 1)
    stdin(f'{typed}\n{typed} king\n"{typed}" - man\n')
    assert w2v("ask", "--normalize", "nfc")[::2] == (0, "")
    (tmp_path / "words.txt").write_text("\ufeff" + typed)
    assert w2v("neighbours-of", "words.txt", "--normalize", "nfc")[0] == 0
    package.save(WordVectors([typed, "x"], np.eye(2)), "vectors.pkl")
    assert "--normalize nfd" in refused("similar", "été")
    assert w2v("similar", "été", "--normalize", "nfd")[0] == 0


@pytest.mark.parametrize(
    "lines, message",
    [
        ("", "there are no vectors on stdin"),
        ("\n \n", "there are no vectors on stdin"),
        ("1 2 3 4\n1 2 3\n", "line 2 of stdin: 3 numbers do not fit vectors of dim 4"),
        ("1 2 3 4 5 6\n", "line 1 of stdin: 6 numbers do not fit"),
        ("\n1 2 nan 4\n", "line 2 of stdin holds NaN"),
        ("x 1 2 inf 4\n", "line 1 of stdin holds NaN, infinite"),
        ("1 2 3 1e99\n", "line 1 of stdin holds NaN, infinite or too large"),
        ("1 2 3 four\n", "line 1 of stdin holds no vector"),
        ("1,2,3,4,5,6\n", "line 1 of stdin: 6 numbers do not fit"),
        ("x 1 2 3\n", "line 1 of stdin holds no vector"),
        ("king queen\n", "holds no vector of dim 4: words are put to `w2v ask`"),
        ('[\n{"word": "king"}', "line 1 of stdin is JSON"),
    ],
)
def test_unusable_vectors_on_stdin_are_refused(refused, stdin, lines, message):
    stdin(lines)
    assert message in refused("similar", "-")


def test_similar_needs_one_kind_of_question(refused):
    assert "name either WORDs, or words to combine" in refused("similar", code=2)
    assert "name either WORDs" in refused("similar", "king", "-p", "queen", code=2)
    assert "needs a positive word" in refused("similar", "-n", "king", "--cosmul", code=2)


@pytest.mark.parametrize("top", [0, -3, "x", 2**31, 10**30])
def test_an_unusable_top_is_refused(refused, top):
    commands = [
        ["similar", "king"],
        ["analogy", "king", "man", "queen"],
        ["neighbours-of", "--all"],
    ]
    for command in [*commands, ["ask"]]:
        line = refused(*command, "--top", top, code=2)
        assert "'--top'" in line


def test_similarity_rank_and_vector(w2v, vectors):
    expected = vectors.similarity("king", "queen")
    assert w2v("similarity", "king", "queen")[1] == f"{expected:.4f}\n"
    assert json.loads(w2v("similarity", "king", "queen", "--json")[1]) == {
        "words": ["king", "queen"],
        "score": pytest.approx(expected),
    }
    assert w2v("rank", "king", "man")[1].startswith("man is number 1 of 6 near king (0.83")
    assert json.loads(w2v("rank", "king", "toyota", "--json")[1])["rank"] == 6
    assert w2v("vector", "honda")[1].startswith("honda 0.89990234 0.099975586 0.0 ")
    content = json.loads(w2v("vector", "honda", "king", "--json")[1])
    assert content[1] == {"word": "king", "vector": [0, 1, 1, 0]}


def test_odd_one_out(w2v, refused):
    code, out, err = w2v("odd-one-out", "king", "queen", "toyota", "man", "duke")
    assert code == 0 and out.startswith("[odd one out] toyota\n  king")
    assert err == "not in the vocabulary: duke\n"
    content = json.loads(w2v("odd-one-out", "king", "queen", "toyota", "--json")[1])
    assert content["odd"] == "toyota" and len(content["words"]) == 3 and content["unknown"] == []
    assert "at least three words" in refused("odd-one-out", "king", "queen", code=2)
    assert "'kong' is not in the vocabulary" in refused("odd-one-out", "kong", "b", "c")


def test_unknown_words_name_close_spellings(refused):
    for command in (
        ["similar", "-p", "toyotta"],
        ["similar", "-n", "toyotta"],
        ["similarity", "king", "toyotta"],
        ["rank", "toyotta", "king"],
        ["vector", "king", "toyotta"],
    ):
        assert "'toyotta' is not in the vocabulary; did you mean toyota?" in refused(*command)


def test_answers_on_the_gpu_side(w2v, cupy):
    for command in (
        ["similar", "king"],
        ["similar", "-p", "king", "-n", "man", "--cosmul"],
        ["analogy", "man", "woman", "king"],
        ["rank", "king", "queen"],
        ["neighbours-of", "--all"],
    ):
        package.config.GPU = False
        assert w2v(*command, "--gpu") == w2v(*command)


def test_without_a_gpu_asking_for_it_is_refused(refused):
    assert "no GPU: " in refused("similar", "king", "--gpu", code=2)
    assert "no GPU: " in refused("neighbours-of", "--all", "--gpu", code=2)


# Neighbours of many words


def test_neighbours_of_a_file_of_words(w2v, vectors, stdin, tmp_path):
    (tmp_path / "words.txt").write_text("king\n\n duke \nété\nking\n")
    code, out, err = w2v("neighbours-of", "words.txt", "--top", 2)
    assert code == 0
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == ["king", "king", "été", "été", "king", "king"]
    assert lines[:2] == [
        ["king", word, f"{score:.4f}"] for word, score in vectors.similar("king", 2)
    ]
    assert err == "left out 1 of 4 words, which are not in the vocabulary: duke\n"
    stdin("king\n")
    content = [json.loads(line) for line in w2v("neighbours-of", "-", "--json")[1].splitlines()]
    assert answers(content[0]["similar"]) == vectors.similar("king")


def test_neighbours_of_all_words_into_a_file(w2v, refused, tmp_path):
    code, out, _ = w2v("neighbours-of", "--all", "--restrict", 2, "-o", "out.tsv")
    assert (code, out) == (0, "")
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert len(lines) == 2 * len(WORDS) - 2 and lines[0] == "toyota\thonda\t0.9939"
    before = (tmp_path / "out.tsv").read_bytes()
    (tmp_path / "words.txt").write_text("duke\nduchess\n")
    assert "'duke' is not" in refused("neighbours-of", "words.txt", "-o", "out.tsv")
    assert (tmp_path / "out.tsv").read_bytes() == before
    assert "no folder nowhere" in refused("neighbours-of", "--all", "-o", "nowhere/out")


def test_neighbours_of_needs_words(refused, tmp_path):
    (tmp_path / "empty").write_text("\n\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "name a FILE of words, or --all" in refused("neighbours-of", code=2)
    assert "name a FILE of words, or --all" in refused("neighbours-of", "x", "--all", code=2)
    assert "there are no words in empty" in refused("neighbours-of", "empty")
    assert "binary, line 1: it is not UTF-8 text" in refused("neighbours-of", "binary")
    assert "cannot read nowhere" in refused("neighbours-of", "nowhere")
    assert "cannot read ." in refused("neighbours-of", ".")


# Asking one question after the other


def test_ask_answers_lines_from_a_pipe(w2v, vectors, stdin):
    stdin("king\nking queen\n\nman woman king\nking - man + woman\nking -man +woman\n-king\n")
    code, out, err = w2v("ask", "--json", "--top", 3)
    content = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "") and len(content) == 6
    assert answers(content[0]["similar"]) == vectors.similar("king", 3)
    assert content[1]["similarity"] == pytest.approx(vectors.similarity("king", "queen"))
    assert answers(content[2]["analogy"]) == vectors.analogy("man", "woman", "king", 3)
    expected = vectors.most_similar(["king", "woman"], ["man"], topn=3)
    assert answers(content[3]["similar"]) == answers(content[4]["similar"]) == expected
    assert answers(content[5]["similar"]) == vectors.most_similar(negative="king", topn=3)


def test_ask_shows_tables_and_goes_on_after_an_error(w2v, stdin):
    stdin("kong\nking man\nman woman king\na b c d\nking -\nking - - man\nking man - queen\n")
    code, out, err = w2v("ask", "--top", 1)
    assert code == 1
    assert out.splitlines()[0] == "[similarity] king man"
    assert out.splitlines()[2] == "[analogy] man woman king"
    lines = err.splitlines()
    assert lines[0] == "w2v: 'kong' is not in the vocabulary; did you mean king?"
    assert "ask for one, two or three words, or put + or -" in lines[1]
    assert len(lines) == 5
    assert all("put one + or - before each word of a sum" in line for line in lines[2:])
    stdin("kong\nking\n")
    code, out, err = w2v("ask", "--json")
    assert code == 1 and err == "" and "did you mean" in json.loads(out.splitlines()[0])["error"]


def test_words_that_begin_with_a_sign_are_words(stdin, w2v):
    package.save(WordVectors(["-", "-b", "c++"], np.eye(3)), "vectors.pkl")
    stdin("-b\n-\nc++ + -b\nc++ - -b\n- c++\n")
    content = [json.loads(line) for line in w2v("ask", "--json")[1].splitlines()]
    found = [[answer["word"] for answer in line["similar"]] for line in content]
    assert found == [["-", "c++"], ["-b", "c++"], ["-"], ["-"], ["-", "-b"]]


@pytest.fixture
def prompt(tmp_path):
    """Starts `w2v ask` on a terminal of its own; returns how to type, and how to read."""
    pty = pytest.importorskip("pty")
    started = []

    def start():
        parent, child = pty.openpty()
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "TERM": "dumb"}
        process = subprocess.Popen(
            [sys.executable, "-m", "w2v", "ask", "--top", "1"],
            stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(child)
        started.append((process, parent))

        def read_until(text):
            shown = b""
            end = time.monotonic() + 30
            while text.encode() not in shown and time.monotonic() < end:
                try:
                    shown += os.read(parent, 1000)
                except OSError:  # the other side is closed
                    break
            return shown.decode()

        return process, lambda text: os.write(parent, text.encode()), read_until

    yield start
    for process, parent in started:
        process.kill()
        process.wait()
        os.close(parent)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_ask_at_a_prompt_keeps_its_history_and_ends_with_ctrl_d(prompt, tmp_path):
    process, type_in, read_until = prompt()
    assert "w2v> " in read_until("w2v> ")
    type_in("man woman king\n")
    assert "queen" in read_until("w2v> ")
    type_in("kong\n")
    assert "did you mean king?" in read_until("w2v> ")
    type_in("\x04")
    assert process.wait(30) == 0
    history = (tmp_path / "data" / "w2v" / "ask-history").read_text()
    assert history.split("\n")[:2] in (
        ["man woman king", "kong"],
        ["_HiStOrY_V2_", "man\\040woman\\040king"],
    )
    process, type_in, read_until = prompt()
    read_until("w2v> ")
    type_in("\x10\x10\n")  # Ctrl-P: the line before
    assert "queen" in read_until("queen")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
def test_ctrl_c_ends_the_prompt_quietly(prompt):
    process, _, read_until = prompt()
    read_until("w2v> ")
    end = time.monotonic() + 30
    # Python's readline misses a signal that comes just before it begins to wait for a key.
    while process.poll() is None and time.monotonic() < end:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert process.poll() == 0
    assert "Traceback" not in read_until("never")
