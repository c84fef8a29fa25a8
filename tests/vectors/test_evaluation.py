"""Scores of word vectors: equal to gensim's, with known answers, and unusable files refused."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import w2v as package
from w2v import WordVectors, config
from w2v.errors import CorpusError, InputError, MissingPackageError
from w2v.vectors.evaluation import Analogies, Pairs, plain, read_pairs
from w2v.vectors.evaluation.analogies import Sizes
from w2v.vectors.evaluation.files import read_analogies

WORDS = ["man", "woman", "king", "queen", "uncle", "aunt", "boy", "girl"]
WORDS += ["take", "took", "go", "went", "see", "saw", "give", "gave"]


@pytest.fixture
def vectors():
    """Words of two analogies: a sex, or a tense, added to a thing; two things went wrong."""
    draw = np.random.default_rng(3)
    matrix = []
    for first in range(0, len(WORDS), 2):
        thing = draw.standard_normal(30)
        step = np.zeros(30)
        step[0 if first < 8 else 1] = 5
        matrix += [thing, thing + step]
    matrix[WORDS.index("girl")] = draw.standard_normal(30)
    matrix[WORDS.index("gave")] = draw.standard_normal(30)
    return WordVectors(WORDS, np.array(matrix))


@pytest.fixture
def questions(tmp_path):
    lines = [": family"]
    pairs = list(zip(WORDS[::2], WORDS[1::2], strict=True))
    for group, name in ((pairs[:4], None), (pairs[4:], ": gram7-past-tense")):
        lines += [name] if name else []
        lines += [f"{a} {b} {c} {d}" for a, b in group for c, d in group if a != c]
        lines += ["King Queen PRINCE princess"]
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def gensims(vectors):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vectors.vector_size)
    keyed.add_vectors(vectors.words, vectors.matrix)
    return keyed


def assert_equals_gensims_analogies(vectors, path, **options):
    """Our sections beside those of gensim, whose last one is the total."""
    names = {"restrict": "restrict_vocab", "case_sensitive": "case_insensitive"}
    theirs = {
        names.get(key, key): not value if key == "case_sensitive" else value
        for key, value in options.items()
    }
    accuracy, sections = gensims(vectors).evaluate_word_analogies(str(path), **theirs)
    scores = Analogies(path, vectors.words, **options).score(vectors.matrix)
    assert [(tally.name, tally.right, tally.asked) for tally in scores.sections] == [
        (section["section"], len(section["correct"]), _asked(section)) for section in sections[:-1]
    ]
    total = scores.totals[-1]
    assert (total.right, total.asked) == (len(sections[-1]["correct"]), _asked(sections[-1]))
    assert scores.share == pytest.approx(accuracy)
    return scores


def _asked(section):
    return len(section["correct"]) + len(section["incorrect"])


def test_analogies_have_their_known_answers(questions):
    """Of 12 questions in each section, the three that ask for the misplaced word go wrong."""
    matrix = np.zeros((16, 20))
    for row in range(16):
        matrix[row, row // 2] = 1  # the thing
        matrix[row, 8 + row // 8] = row % 2  # the sex, or the tense
    for misplaced in ("girl", "gave"):
        row = WORDS.index(misplaced)
        matrix[row] = np.eye(20)[19 - row // 8]
    scores = Analogies(questions, WORDS).score(matrix)
    family, tense = scores.sections
    assert (family.name, family.asked, family.unknown) == ("family", 12, 1)
    assert family.right == tense.right == 9
    assert [tally.name for tally in scores.totals] == ["semantic", "syntactic", "total"]
    assert scores.totals[-1].right == family.right + tense.right
    low, high = family.interval
    assert 0 < low < family.share < high <= 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"restrict": 8},
        {"dummy4unknown": True},
        {"dummy4unknown": True, "restrict": 12},
    ],
    ids=str,
)
def test_analogies_equal_gensims(vectors, questions, options):
    assert_equals_gensims_analogies(vectors, questions, **options)


@pytest.mark.parametrize("case_sensitive", [False, True])
@pytest.mark.parametrize("restrict", [300_000, 40])
def test_words_that_differ_in_case_only(vectors, questions, case_sensitive, restrict):
    """Every word comes in three spellings: the first stands for all, and none of them answers."""
    draw = np.random.default_rng(5)
    words = [*vectors.words, *map(str.title, vectors.words), *map(str.upper, vectors.words)]
    noise = 0.3 * draw.standard_normal((3 * len(vectors), 30))
    order = draw.permutation(len(words))
    mixed = WordVectors([words[i] for i in order], (np.tile(vectors.matrix, (3, 1)) + noise)[order])
    options = {"case_sensitive": case_sensitive, "restrict": restrict}
    assert_equals_gensims_analogies(mixed, questions, **options)


def test_cosmul_answers_as_most_similar_cosmul(vectors, questions):
    scores = Analogies(questions, vectors.words).score(vectors.matrix, cosmul=True)
    right = 0
    for line in questions.read_text().lower().splitlines():
        words = line.split()
        if len(words) == 4 and all(word in vectors for word in words):
            a, b, c, expected = words
            right += vectors.most_similar_cosmul([b, c], [a], topn=1)[0][0] == expected
    assert scores.totals[-1].right == right and scores.method == "3CosMul"


def test_many_questions_are_answered_batch_by_batch(vectors, questions):
    test = Analogies(questions, vectors.words)
    in_parts = test.score(vectors.matrix, sizes=Sizes(questions=5, cpu_scores=40))
    assert in_parts == test.score(vectors.matrix)


@pytest.mark.parametrize("cosmul", [False, True])
def test_analogies_on_the_gpu_side(vectors, questions, cosmul, cupy):
    test = Analogies(questions, vectors.words)
    config.GPU = False
    expected = test.score(vectors.matrix, cosmul)
    config.GPU = True
    assert test.score(vectors.matrix, cosmul) == expected


def test_public_sets_equal_gensims(data_dir):
    """All 353 pairs and a part of the 19,544 questions, for which gensim needs a minute.

    The second word of a pair is the first one, a step that its section shares, and noise.
    """
    path, pairs = data_dir / "questions-words.txt", data_dir / "wordsim353.tsv"
    if not path.exists() or not pairs.exists():
        pytest.skip("needs questions-words.txt and wordsim353.tsv in W2V_DATA_DIR")
    draw = np.random.default_rng(0)
    found = {word: draw.standard_normal(16) for word in pairs.read_text().lower().split()}
    step = None
    lines = path.read_text().lower().splitlines()
    for line in lines:
        if line.startswith(":"):
            step = 2 * draw.standard_normal(16)
            continue
        for first, second in (line.split()[:2], line.split()[2:]):
            found.setdefault(first, draw.standard_normal(16))
            found.setdefault(second, found[first] + step + 0.3 * draw.standard_normal(16))
    vectors = WordVectors(list(found), np.array(list(found.values())))
    assert Analogies(path, vectors.words).known.sum() == 19_544
    short = [line for i, line in enumerate(lines) if line.startswith(":") or i % 25 == 0]
    Path("short.txt").write_text("\n".join(short))
    scores = assert_equals_gensims_analogies(vectors, "short.txt")
    assert 0.2 < scores.share < 0.95 and len(scores.sections) == 14
    assert_equals_gensims_pairs(vectors, pairs)


# Word pairs


@pytest.fixture
def pairs(tmp_path):
    draw = np.random.default_rng(4)
    path = tmp_path / "pairs.tsv"
    lines = ["# ratings"]
    for _ in range(40):
        a, b = draw.choice(WORDS, 2, replace=False)
        lines.append(f"{a.title()}\t{b}\t{draw.integers(0, 10)}")
    lines += ["king\tprince\t5"]
    path.write_text("\n".join(lines) + "\n")
    return path


def assert_equals_gensims_pairs(vectors, path, **options):
    pearson, spearman, unknown = gensims(vectors).evaluate_word_pairs(str(path), **options)
    scores = Pairs(path, vectors.words, **options).score(vectors.matrix)
    for ours, theirs in ((scores.pearson, pearson), (scores.spearman, spearman)):
        assert ours.coefficient == pytest.approx(theirs.statistic, abs=1e-6)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-3)
    asked = scores.pairs if options.get("dummy4unknown") else scores.pairs + scores.unknown
    assert 100 * scores.unknown / asked == pytest.approx(unknown)
    return scores


@pytest.mark.parametrize("dummy4unknown", [False, True])
def test_pairs_equal_gensims(vectors, pairs, dummy4unknown):
    scores = assert_equals_gensims_pairs(vectors, pairs, dummy4unknown=dummy4unknown)
    assert scores.unknown == 1 and scores.pairs == 40 + dummy4unknown


def test_intervals_are_where_samples_lie():
    """The interval of Pearson's coefficient of normal numbers: Fisher's transformation gives it."""
    draw = np.random.default_rng(8)
    count, rho = 400, 0.6
    x = draw.standard_normal(count)
    y = rho * x + np.sqrt(1 - rho**2) * draw.standard_normal(count)
    from w2v.vectors.evaluation.intervals import bootstrap

    r = np.corrcoef(x, y)[0, 1]
    low, high = np.tanh(np.arctanh(r) + np.array([-1.96, 1.96]) / np.sqrt(count - 3))
    assert bootstrap(x, y, None) == pytest.approx((low, high), abs=0.02)


def test_an_interval_of_answers_is_the_binomials():
    from w2v.vectors.evaluation.analogies import Tally

    low, high = Tally("x", 300, 1000, 0).interval
    assert (low, high) == pytest.approx((0.272, 0.328), abs=0.004)
    assert Tally("x", 0, 5, 0).interval == (0, 0)


def test_ratings_that_are_all_the_same_are_refused(vectors, tmp_path):
    path = tmp_path / "same.tsv"
    path.write_text("king\tqueen\t1\nman\twoman\t1\nboy\tgirl\t1\n")
    with pytest.raises(InputError, match="all ratings are equal"):
        Pairs(path, vectors.words)


def test_cosines_that_are_all_the_same_have_no_correlation(vectors, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("king\tqueen\t1\nman\twoman\t2\nking\tman\t3\n")
    scores = Pairs(path, vectors.words).score(np.ones_like(vectors.matrix))
    assert np.isnan(scores.spearman.coefficient)
    assert plain(scores)["spearman"] == {
        "coefficient": None,
        "p_value": None,
        "interval": [None, None],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "content",
    [
        "a\tb\t1\nc d\te\t2.5\n",
        "a,b,1\nc d,e,2.5\n",
        "a;b;1\nc d;e;2.5\n",
        '"a","b","1"\n"c d","e","2.5"\n',
        "one\ttwo\tmean\na\tb\t1\nc d\te\t2.5",
        "\none\ttwo\tmean\na\tb\t1\nc d\te\t2.5",
        "# of 2002\n\nWord 1,Word 2,Human (mean)\r\na,b,1\r\nc d,e,2.5\r\n",
        "// of 2002\rWORD 1\tWORD 2\tSCORE\ra\tb\t1\rc d\te\t2.5\r",
        "a\tb\t1%\nc d\te\t2.5%\n",
        "a\tb\t1\t9\t8\nc d\te\t2.5\t7\tx\n",  # as in Rare Words
        "word1\tword2\tPOS\tSimLex999\tSD\na\tb\tA\t1\t9\nc d\te\tN\t2.5\t8\n",
        "a\tb\tV\t1\tSYNONYMS\nc d\te\tV\t2.5\tNONE\n",  # as in SimVerb
    ],
)
def test_pairs_may_have_headings_comments_other_columns_and_any_line_ends(
    tmp_path, content, encoding
):
    (tmp_path / "p").write_bytes(content.encode(encoding))
    assert read_pairs(tmp_path / "p") == ([["a", "b"], ["c d", "e"]], [1, 2.5])


@pytest.mark.parametrize(
    "content",
    ["a b 1\nc e 2.5\n", "w1 w2 score sd\na b 1 9\nc e 2.5 8\n", "a b A 1 9\nc e N 2.5 8\n"],
)
def test_pairs_stand_between_spaces_too(tmp_path, content):
    (tmp_path / "p").write_bytes(gzip.compress(content.encode()))
    assert read_pairs(tmp_path / "p") == ([["a", "b"], ["c", "e"]], [1, 2.5])


def test_analogies_may_have_marks_comments_and_words_with_spaces(vectors, tmp_path):
    content = "\ufeff// of 2013\r\n: one\r\nman king woman queen\r\nnew york\ta\tb\tc d\r\n"
    (tmp_path / "q").write_text(content, newline="")
    sections, section_of, questions = read_analogies(tmp_path / "q")
    assert (sections, section_of) == (["one"], [0, 0])
    assert questions == [["man", "king", "woman", "queen"], ["new york", "a", "b", "c d"]]


def test_without_scipy_pairs_are_refused_and_analogies_not(vectors, pairs, questions, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    assert Analogies(questions, vectors.words).score(vectors.matrix).share > 0.5
    with pytest.raises(MissingPackageError, match="pip install scipy"):
        Pairs(pairs, vectors.words)


# Unusable files


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "holds no questions"),
        (": family\n\n", "holds no questions"),
        ("man king woman queen\n", "line 1 is a question before the first section"),
        (": a\nman king woman queen\n\nman king woman\n", "line 4 has 3 words where .* four"),
        (": a\nman king woman queen girl\n", "line 2 has 5 words"),
        (": a\nx y z w\n", "none of its 1 questions has only words that are among"),
        (b": a\n\xff\xfe\n", "is not UTF-8 text"),
    ],
)
def test_unusable_analogies_are_refused(vectors, tmp_path, content, message):
    path = tmp_path / "q.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as error:
        Analogies(path, vectors.words)
    assert "q.txt" in str(error.value)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "holds no word pairs"),
        ("# nothing\n", "holds no word pairs"),
        ("king\tqueen\t1\nman\twoman\n", "line 2 is not two words and a number"),
        ("king\tqueen\t1\nman\twoman\tmuch\n", "line 2 is not two words and a number"),
        ("king\tqueen\tnan\nman\twoman\tinf\n", "line 1 is not"),
        ("king\tqueen\t7,5\nman\twoman\t1\n", "line 1 is not .*in column 3"),
        ("king\tqueen\t7.5x\nman\twoman\t1\n", "line 1 is not"),
        ("king\tqueen\tN/A\nman\twoman\t1\n", "line 1 is not"),
        ("a\tb\tscore\nking\tqueen\tscore\nman\twoman\t1\n", "line 2 is not"),
        ("king queen 1\nnew york city 2\n", "line 2 is not .*in column 3"),
        ("new york city 2\nking queen 1\n", "line 1 is not"),
        ("king\tqueen\tN\t1\nman\twoman\t2\n", "line 2 is not .*in column 4"),
        ('king,"queen,1\nman,woman,2\n', "line 1 is not"),
        (b"king\xff\tqueen\t1\n", "line 1: it is not UTF-8 text; it may be "),
        ("king\tqueen\t1\n".encode("utf-16-le"), "not text in UTF-8 but in utf-16-le"),
        ("x\ty\t1\nz\tw\t2\n", "none of its 2 pairs"),
        ("king\tqueen\t1\nman\twoman\t2\n", "2 pairs of known words are too few"),
    ],
)
def test_unusable_pairs_are_refused(vectors, tmp_path, content, message):
    content = content.encode() if isinstance(content, str) else content
    (tmp_path / "p.tsv").write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        Pairs(tmp_path / "p.tsv", vectors.words)
    assert "p.tsv" in str(error.value)


@pytest.mark.parametrize("read", [read_pairs, read_analogies])
def test_a_message_quotes_little_of_a_line(tmp_path, read):
    (tmp_path / "f").write_text("x y " * 100_000 + "\n")
    with pytest.raises(InputError, match=r"'x y .* \.\.\.") as error:
        read(tmp_path / "f")
    assert len(str(error.value)) < 500


# Sets by name


def test_sets_come_from_the_data_folder_by_name(vectors, questions, pairs, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    questions.rename(folder / "questions-words.txt")
    pairs.rename(folder / "wordsim353.tsv")
    assert Analogies("google", WORDS, data_dir=str(folder)).name == "google"
    monkeypatch.setenv("W2V_DATA_DIR", str(folder))
    assert Pairs("wordsim353", WORDS).score(vectors.matrix).pairs == 40
    with pytest.raises(CorpusError, match=r"there is no .*simlex999\.txt"):
        Pairs("simlex999", WORDS)


def test_sets_are_downloaded_where_there_is_no_folder(vectors, pairs, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url.rpartition("/")[2], known_hash[:9], fname))
        return str(pairs)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert Pairs("wordsim353", WORDS).score(vectors.matrix).pairs == 40
    assert asked == [("wordsim353.tsv", "sha256:f9", "wordsim353.tsv")]


@pytest.mark.parametrize(
    "kind, name", [("analogies", "google"), ("pairs", "wordsim353"), ("pairs", "simlex999")]
)
def test_the_hashes_are_those_of_gensims_files(kind, name):
    import hashlib

    import gensim

    from w2v.vectors.evaluation.sets import SETS

    download = SETS[kind][name]
    file = Path(gensim.__file__).parent / "test" / "test_data" / download.name
    if not file.exists():
        pytest.skip("this gensim was installed without its test data")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == download.sha256


def test_what_is_neither_a_file_nor_a_set_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"goggle does not exist: name a file .* google"):
        Analogies("goggle", WORDS)
    with pytest.raises(InputError, match=r"is not a file: .* wordsim353, simlex999"):
        Pairs(tmp_path, WORDS)


# The command, and scores while training


@pytest.fixture
def model(vectors):
    package.save(vectors, "vectors.pkl")


def test_evaluate_shows_sections_totals_and_intervals(w2v, model, questions, pairs):
    code, out, err = w2v("evaluate", "--analogies", questions, "--pairs", pairs)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"[analogies] {questions}, 3CosAdd, among 300,000 words"
    assert [line.split()[0] for line in lines[1:6]] == [
        "family", "gram7-past-tense", "semantic", "syntactic", "total",
    ]  # fmt: skip
    assert lines[5].split()[1:4:2] == [lines[5].split()[1], "24"]
    assert lines[6] == "  left out: 2 questions with words out of the vocabulary"
    assert lines[7] == f"[pairs] {pairs}" and lines[8].startswith("  spearman ")
    assert lines[10] == "  40 pairs; 1 have words out of the vocabulary"


def test_evaluate_in_json_with_several_files(w2v, model, questions, pairs):
    options = ["--analogies", questions, "--analogies", questions, "--pairs", pairs, "--cosmul"]
    code, out, _ = w2v("evaluate", "vectors.pkl", *options, "--restrict", 16, "--json")
    content = json.loads(out)
    assert code == 0 and content["vectors"] == "vectors.pkl" and content["restrict"] == 16
    first, second = content["analogies"]
    assert first == second and first["method"] == "3CosMul"
    total = first["totals"][-1]
    assert total["share"] == total["right"] / total["asked"] and total["unknown"] == 2
    assert -1 < content["pairs"][0]["spearman"]["interval"][0] < 1


def test_evaluate_refuses_what_it_cannot_use(refused, model, questions, tmp_path):
    assert "name what to score by" in refused("evaluate", code=2)
    assert "no model nowhere.pkl" in refused("evaluate", "nowhere.pkl", "--analogies", questions)
    assert "nofile does not exist" in refused("evaluate", "--pairs", "nofile")
    (tmp_path / "bad.txt").write_text(": a\nking queen\n")
    assert "bad.txt: line 2 has 2" in refused("evaluate", "--analogies", "bad.txt")
    for restrict in (0, -5):
        line = refused("evaluate", "--analogies", questions, "--restrict", restrict, code=2)
        assert "is not in the range" in line
    assert "no GPU" in refused("evaluate", "--analogies", questions, "--gpu", code=2)


@pytest.fixture
def text(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(draw.choice(WORDS, 12)) for _ in range(300)))
    return path


@pytest.mark.parametrize("engine", ["layers", "fused"])
def test_training_shows_scores(w2v, text, questions, pairs, engine):
    options = ["--engine", engine, "--dim", 8, "--epochs", 4, "--sample", 0]
    if engine == "layers":
        options = [*options[:-2], "--eval-interval", 1000]
    scores = ["--analogies", questions, "--pairs", pairs, "--eval-every", 5000]
    code, _, err = w2v("train", text, *options, *scores)
    assert code == 0
    lines = [line for line in err.splitlines() if line.startswith("| epoch")]
    assert len(lines) == 4
    # 3,600 words an epoch: 5,000 are passed in the second, 10,000 in the third; and at the end
    assert [" | analogies " in line and " | pairs " in line for line in lines] == [
        False, True, True, True,
    ]  # fmt: skip
    found = WordVectors(*_saved("vectors.pkl"))
    share = Analogies(questions, found.words).score(found.matrix).share
    assert float(lines[-1].split("analogies ")[1].split(" ")[0]) == pytest.approx(
        100 * share,
        abs=9,  # the file holds float16
    )


def _saved(path):
    vectors = package.load(path)
    return vectors.words, vectors.matrix


def test_without_eval_every_scores_come_at_the_end(w2v, text, pairs):
    options = ["--engine", "layers", "--dim", 8, "--eval-interval", 1000]
    err = w2v("train", text, *options, "--pairs", pairs)[2]
    assert [line.count("| pairs") for line in err.splitlines() if "epoch" in line] == [
        0,
        0,
        0,
        0,
        1,
    ]


def test_scores_that_cannot_be_taken_are_refused_before_training(refused, text, tmp_path):
    assert "needs something to score by" in refused("train", text, "--eval-every", 5, code=2)
    assert "--eval-every must be at least 1" in refused(
        "train", text, "--eval-every", 0, "--pairs", "x", code=2
    )
    assert "nofile does not exist" in refused("train", text, "--analogies", "nofile")
    (tmp_path / "q.txt").write_text(": a\nx y z w\n")
    assert "none of its 1 questions" in refused("train", text, "--analogies", "q.txt")
    assert not (tmp_path / "vectors.pkl").exists()


def test_the_bar_keeps_the_last_scores(monkeypatch):
    import io

    from w2v.training import Progress
    from w2v.training.progress import Reporter

    stream = io.StringIO()
    stream.isatty = lambda: True
    reporter = Reporter(stream)
    at = {"epoch": 1, "epochs": 1, "iteration": 1, "iterations": 2, "total_words": 20}
    at |= {"seconds": 1.0, "loss": 2.0}
    reporter.progress(Progress(words=5, scores={"analogies": 12.34}, **at))
    reporter.progress(Progress(words=10, **at))
    reporter.close()
    shown = stream.getvalue().rpartition("\r")[2]
    assert "10.0/20.0" in shown and "analogies 12.3" in shown
