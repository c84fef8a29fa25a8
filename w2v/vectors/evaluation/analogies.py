"""How good word vectors are: analogies, and correlation with people's ratings of word pairs.

The figures are those of gensim's `evaluate_word_analogies` and `evaluate_word_pairs` on the same
vectors. An `Analogies` or `Pairs` finds its words in a vocabulary once, and then scores any matrix
of that vocabulary, as a training does again and again.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

from w2v import config, rng
from w2v.backend import Array, array_module, to_cpu, to_gpu
from w2v.errors import InputError, import_extra
from w2v.parallel import cores, multiplying_threads
from w2v.vectors.evaluation.sets import evaluation_file
from w2v.vectors.queries import COSMUL_EPSILON, unit_rows

QUESTIONS = 1024  # in a batch, at most
COSINES = 1 << 26  # of the words of all batches under way with all words: 256 MB
SCORES = {"cpu": 1 << 18, "gpu": 1 << 26}
"""Scores of questions at a time: on a CPU, few enough to stay in a core's cache."""

DRAWS = 2_000
"""Samples of a bootstrap. An interval holds 95 % of them."""

Interval = tuple[float, float]


# Analogies


@dataclass(frozen=True)
class Tally:
    """Right answers among the questions asked; `unknown` ones have a word that is not known."""

    name: str
    right: int
    asked: int
    unknown: int

    @property
    def share(self) -> float:
        """Right answers among those asked, 0..1; NaN if none was."""
        return self.right / self.asked if self.asked else math.nan

    @property
    def interval(self) -> Interval:
        """Where `share` lies in 95 % of the samples of as many questions, drawn anew.

        A sample of answers that are right or wrong is one draw from a binomial distribution. The
        questions of a section share words, so that the truth is less certain than this says.
        """
        if not self.asked:
            return math.nan, math.nan
        draws = rng.generator(1, "bootstrap").binomial(self.asked, self.share, DRAWS)
        return _middle(draws / self.asked)


@dataclass(frozen=True)
class AnalogyScores:
    """The sections of a file of analogies, in its order, and what they come to."""

    name: str
    method: str
    sections: list[Tally]

    @property
    def totals(self) -> list[Tally]:
        """All questions; before that semantic and syntactic ones, where there are both.

        Sections whose names begin with `gram` are syntactic, as in the file of word2vec.
        """
        kinds = {"semantic": False, "syntactic": True}
        parts = [
            _sum(kind, [tally for tally in self.sections if _is_syntactic(tally) == syntactic])
            for kind, syntactic in kinds.items()
        ]
        both = [part for part in parts if part.asked + part.unknown]
        return [*(both if len(both) == 2 else []), _sum("total", self.sections)]

    @property
    def share(self) -> float:
        """Right answers among all questions asked, 0..1."""
        return self.totals[-1].share


def _is_syntactic(tally: Tally) -> bool:
    return tally.name.startswith("gram")


def _sum(name: str, tallies: list[Tally]) -> Tally:
    columns = [(tally.right, tally.asked, tally.unknown) for tally in tallies]
    return Tally(name, *(sum(column) for column in zip((0, 0, 0), *columns, strict=True)))


class Analogies:
    """The questions of a file, found in a vocabulary.

    source: a path, or the name of a public set. words: the vocabulary, the most frequent first.
    restrict: only the first so many words are known, and may answer. case_sensitive: else words
    that differ in nothing but case are one, at the row of the first of them. dummy4unknown: a
    question with an unknown word counts as answered wrongly, not as unasked.
    Raises InputError for a file that cannot be used or has no question without unknown words.
    """

    def __init__(
        self,
        source: str | Path,
        words: Sequence[str],
        restrict: int = config.SCORED_WORDS,
        case_sensitive: bool = False,
        dummy4unknown: bool = False,
        data_dir: str | None = None,
    ):
        path = evaluation_file("analogies", source, data_dir)
        self.name = str(source)
        self.sections, section_of, questions = read_analogies(path)
        self.dummy4unknown = dummy4unknown
        lookup = _Lookup(words[:restrict], case_sensitive)
        rows = numpy.array([lookup.rows(question) for question in questions])
        self.section_of = numpy.array(section_of)
        self.known = numpy.all(rows >= 0, axis=1)
        if not self.known.any():
            raise _nothing_known(path, len(questions), "questions", restrict)
        self.rows = rows[self.known]  # (n, 4)
        self.first_row = numpy.array(lookup.rows(words[:restrict]))

    def score(self, matrix: numpy.ndarray, cosmul: bool = False) -> AnalogyScores:
        """Ask all questions of vectors, (V, H), by 3CosAdd or by 3CosMul.

        On the GPU where `config.GPU` is set. Right is an answer whose word is the expected one;
        the words of the question, and those that differ from them in case only, are no answers.
        """
        units = unit_rows(matrix[: len(self.first_row)])
        answers = _answers(units, self.rows[:, :3], self.first_row, cosmul)
        right = numpy.zeros(len(self.known), bool)
        right[self.known] = self.first_row[answers] == self.rows[:, 3]
        count = len(self.sections)
        asked = self.known | self.dummy4unknown
        columns = [
            numpy.bincount(self.section_of[chosen], minlength=count).tolist()
            for chosen in (right, asked, ~self.known)
        ]
        tallies = [Tally(*row) for row in zip(self.sections, *columns, strict=True)]
        return AnalogyScores(self.name, "3CosMul" if cosmul else "3CosAdd", tallies)


def _answers(
    units: numpy.ndarray, questions: numpy.ndarray, first_row: numpy.ndarray, cosmul: bool
) -> numpy.ndarray:
    """(n,) the row that answers each question. units: (V, H). questions: (n, 3) rows a, b, c.

    Questions share words: a batch is one product, of its distinct words with all words, and its
    scores are sums (or products) of rows of it. That is a twentieth of the arithmetic of a product
    for each question.
    """
    threads = 1 if config.GPU else cores()
    batch = max(1, min(QUESTIONS, COSINES // (3 * len(units) * threads)))
    exclude = _same_words(first_row)
    parts = [questions[start : start + batch] for start in range(0, len(questions), batch)]
    if config.GPU:
        units = to_gpu(units)
        return numpy.concatenate([_answer_batch(units, part, exclude, cosmul) for part in parts])
    with multiplying_threads(threads) as pool:
        answers = pool.map(lambda part: _answer_batch(units, part, exclude, cosmul), parts)
        return numpy.concatenate(list(answers))


def _answer_batch(
    units: Array,
    questions: numpy.ndarray,
    exclude: Callable[[numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]],
    cosmul: bool,
) -> numpy.ndarray:
    xp = array_module(units)
    words, places = numpy.unique(questions.ravel(), return_inverse=True)
    cosines = units[xp.asarray(words)] @ units.T
    if cosmul:
        cosines = (cosines + 1) / 2
    places = xp.asarray(places.reshape(questions.shape))
    size = max(1, SCORES["cpu" if xp is numpy else "gpu"] // len(units))
    answers = []
    for start in range(0, len(questions), size):
        part = slice(start, start + size)
        scores = _combine(cosines, places[part], cosmul)
        which, rows = exclude(questions[part])
        scores[xp.asarray(which), xp.asarray(rows)] = -numpy.inf
        answers.append(to_cpu(scores.argmax(axis=1)))
    return numpy.concatenate(answers)


def _combine(cosines: Array, places: Array, cosmul: bool) -> Array:
    """(n, V) scores from the cosines of the words at `places`, (n, 3): a, b and c."""
    a, b, c = (places[:, column] for column in range(3))
    scores = cosines[b]
    if cosmul:
        scores *= cosines[c]
        scores /= cosines[a] + numpy.float32(COSMUL_EPSILON)
    else:
        scores -= cosines[a]
        scores += cosines[c]
    return scores


def _same_words(
    first_row: numpy.ndarray,
) -> Callable[[numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]]:
    """A function from rows, (n, 3), to the places (question, row) of all that are the same word."""
    order = numpy.argsort(first_row, kind="stable")
    ordered = first_row[order]

    def places(rows: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        flat = rows.ravel()
        starts = numpy.searchsorted(ordered, flat)
        counts = numpy.searchsorted(ordered, flat, side="right") - starts
        which = numpy.repeat(numpy.arange(len(flat)) // rows.shape[1], counts)
        ends = numpy.cumsum(counts)
        within = numpy.arange(ends[-1]) - numpy.repeat(ends - counts, counts)
        return which, order[numpy.repeat(starts, counts) + within]

    return places


def read_analogies(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """The names of the sections, and for each question its section and its four words.

    A section begins with a line `: name`, as in questions-words.txt of word2vec. Raises
    InputError that says which line cannot be used.
    """
    sections: list[str] = []
    section_of, questions = [], []
    for number, line in _lines(path):
        if line.startswith(":"):
            sections.append(line[1:].strip())
            continue
        words = line.split()
        if len(words) != 4:
            raise InputError(
                f"{path}: line {number} has {len(words)} words where a question has four: {line!r}"
            )
        if not sections:
            raise InputError(
                f"{path}: line {number} is a question before the first section: "
                "begin the file with a line `: NAME`"
            )
        section_of.append(len(sections) - 1)
        questions.append(words)
    if not questions:
        raise InputError(f"{path} holds no questions: lines of four words")
    return sections, section_of, questions


# Word pairs


@dataclass(frozen=True)
class Correlation:
    """A coefficient, the chance of as much without any relation, and its bootstrap interval."""

    coefficient: float
    p_value: float
    interval: Interval


@dataclass(frozen=True)
class PairScores:
    """How the cosines of word pairs go with their ratings. `unknown` pairs were left out."""

    name: str
    pairs: int
    unknown: int
    spearman: Correlation
    pearson: Correlation


class Pairs:
    """The word pairs of a file with their ratings, found in a vocabulary.

    Arguments as those of `Analogies`; with dummy4unknown, the cosine of a pair with an unknown word
    counts as 0. Raises InputError for a file that cannot be used, or with fewer than three
    pairs of known words; MissingPackageError without SciPy.
    """

    def __init__(
        self,
        source: str | Path,
        words: Sequence[str],
        restrict: int = config.SCORED_WORDS,
        case_sensitive: bool = False,
        dummy4unknown: bool = False,
        data_dir: str | None = None,
    ):
        import_extra("scipy.stats", "the correlation of word pairs")
        path = evaluation_file("pairs", source, data_dir)
        self.name = str(source)
        pairs, ratings = read_pairs(path)
        if len(set(ratings)) == 1:
            raise InputError(f"{path}: all ratings are equal, so that nothing correlates with them")
        lookup = _Lookup(words[:restrict], case_sensitive)
        rows = numpy.array([lookup.rows(pair) for pair in pairs])
        found = numpy.all(rows >= 0, axis=1)
        if not found.any():
            raise _nothing_known(path, len(pairs), "pairs", restrict)
        self.unknown = int((~found).sum())
        keep = found | dummy4unknown
        if keep.sum() < 3:
            raise InputError(
                f"{path}: {keep.sum()} pairs of known words are too few for a correlation: "
                "take a longer file"
            )
        self.rows, self.found, self.ratings = rows[keep], found[keep], numpy.array(ratings)[keep]

    def score(self, matrix: numpy.ndarray) -> PairScores:
        """Correlate the cosines of the pairs in vectors, (V, H), with their ratings."""
        from scipy import stats

        cosines = numpy.zeros(len(self.rows), numpy.float32)
        first, second = (unit_rows(matrix[column]) for column in self.rows[self.found].T)
        cosines[self.found] = numpy.einsum("nh,nh->n", first, second)
        return PairScores(
            self.name,
            len(self.rows),
            self.unknown,
            _correlation(stats.spearmanr, self.ratings, cosines, stats.rankdata),
            _correlation(stats.pearsonr, self.ratings, cosines, None),
        )


def _correlation(
    coefficient: Callable, ratings: numpy.ndarray, cosines: numpy.ndarray, rank: Callable | None
) -> Correlation:
    with warnings.catch_warnings():  # where all are the same the coefficient is NaN, and says it
        warnings.simplefilter("ignore")
        found = coefficient(ratings, cosines)
        interval = _bootstrap(ratings, cosines, rank)
    return Correlation(float(found[0]), float(found[1]), interval)


def _bootstrap(ratings: numpy.ndarray, cosines: numpy.ndarray, rank: Callable | None) -> Interval:
    """Where the coefficient lies in 95 % of the samples of as many pairs, drawn with replacement.

    rank: turns the numbers of each sample into ranks for Spearman's coefficient. Source: the
    percentile interval of Efron and Tibshirani 1993, chapter 13.
    """
    count = len(ratings)
    draw = rng.generator(1, "bootstrap")
    share = max(1, min(DRAWS, (1 << 20) // count))
    coefficients = []
    for _ in range(0, DRAWS, share):
        sample = draw.integers(0, count, (share, count))
        x, y = (values.astype(numpy.float64)[sample] for values in (ratings, cosines))
        if rank is not None:
            x, y = rank(x, axis=1), rank(y, axis=1)
        x -= x.mean(axis=1, keepdims=True)
        y -= y.mean(axis=1, keepdims=True)
        coefficients.append((x * y).sum(1) / numpy.sqrt((x * x).sum(1) * (y * y).sum(1)))
    return _middle(numpy.concatenate(coefficients)[:DRAWS])


def _middle(values: numpy.ndarray) -> Interval:
    values = values[numpy.isfinite(values)]
    if len(values) == 0:
        return math.nan, math.nan
    low, high = numpy.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def read_pairs(path: Path) -> tuple[list[list[str]], list[float]]:
    """Pairs of words and their ratings.

    A line is two words and a number, between tabs, commas or spaces; lines that begin with # and a
    first line of headings do not count. Raises InputError that says which line cannot be used.
    """
    pairs, ratings = [], []
    for number, line in _lines(path):
        if line.startswith("#"):
            continue
        separator = next((sign for sign in "\t," if line.count(sign) == 2), None)
        fields = [field.strip() for field in line.split(separator)]
        try:
            first, second, rating = fields[0], fields[1], float(fields[2])
            if len(fields) != 3 or not (first and second and math.isfinite(rating)):
                raise ValueError
        except (IndexError, ValueError):
            if number == 1 and len(fields) == 3:
                continue  # headings
            raise InputError(
                f"{path}: line {number} is not two words and a number: {line!r}"
            ) from None
        pairs.append([first, second])
        ratings.append(rating)
    if not pairs:
        raise InputError(f"{path} holds no word pairs: lines of two words and a number")
    return pairs, ratings


# What both need


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.strip()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from error


class _Lookup:
    """The row of each word of a vocabulary, of the first one where several differ in case only."""

    def __init__(self, words: Sequence[str], case_sensitive: bool):
        self.fold: Callable[[str], str] = str if case_sensitive else str.upper
        self.row_of = {self.fold(words[row]): row for row in range(len(words) - 1, -1, -1)}

    def rows(self, words: Sequence[str]) -> list[int]:
        """The rows of words; -1 for one that is not known."""
        return [self.row_of.get(self.fold(word), -1) for word in words]


def _nothing_known(path: Path, count: int, what: str, restrict: int) -> InputError:
    return InputError(
        f"{path}: none of its {count:,} {what} has only words that are among the {restrict:,} most "
        "frequent of the vocabulary: are the vectors of another language?"
    )


def plain(scores: AnalogyScores | PairScores) -> dict:
    """Scores as JSON takes them: NaN as null."""
    if isinstance(scores, PairScores):
        return _without_nan(dataclasses.asdict(scores))
    tallies = {
        kind: [
            {**dataclasses.asdict(tally), "share": tally.share, "interval": tally.interval}
            for tally in getattr(scores, kind)
        ]
        for kind in ("sections", "totals")
    }
    return _without_nan({"name": scores.name, "method": scores.method, **tallies})


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
