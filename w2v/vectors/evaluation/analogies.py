"""Analogies: a is to b as c is to which word?

The figures are those of gensim's `evaluate_word_analogies` on the same vectors. `Analogies` finds
its words in a vocabulary once, and then scores any matrix of that vocabulary, as a training does
again and again.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy

from w2v import config
from w2v.backend import Array, array_module, to_cpu, to_gpu
from w2v.parallel import cores, multiplying_threads
from w2v.vectors.cosine import COSMUL_EPSILON, unit_rows
from w2v.vectors.evaluation.files import Lookup, nothing_known, read_analogies
from w2v.vectors.evaluation.intervals import Interval, binomial
from w2v.vectors.evaluation.sets import evaluation_file


@dataclass(frozen=True)
class Sizes:
    """How much is computed at a time: tests take less.

    questions: in a batch, at most. cosines: of the words of all batches under way with all words.
    cpu_scores, gpu_scores: of questions; on a CPU, few enough to stay in a core's cache.
    """

    questions: int = 1024
    cosines: int = 1 << 26  # 256 MB
    cpu_scores: int = 1 << 18
    gpu_scores: int = 1 << 26

    def scores(self, xp: ModuleType) -> int:
        """Scores at a time, of the library that computes them."""
        return self.cpu_scores if xp is numpy else self.gpu_scores


SIZES = Sizes()


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
        return binomial(self.asked, self.share)


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
        lookup = Lookup(words[:restrict], case_sensitive)
        rows = numpy.array([lookup.rows(question) for question in questions])
        self.section_of = numpy.array(section_of)
        self.known = numpy.all(rows >= 0, axis=1)
        if not self.known.any():
            raise nothing_known(path, len(questions), "questions", restrict)
        self.rows = rows[self.known]  # (n, 4)
        self.first_row = numpy.array(lookup.rows(words[:restrict]))

    def score(
        self, matrix: numpy.ndarray, cosmul: bool = False, sizes: Sizes = SIZES
    ) -> AnalogyScores:
        """Ask all questions of vectors, (V, H), by 3CosAdd or by 3CosMul.

        On the GPU where `config.GPU` is set. Right is an answer whose word is the expected one;
        the words of the question, and those that differ from them in case only, are not answers.
        """
        units = unit_rows(matrix[: len(self.first_row)])
        answers = _answers(units, self.rows[:, :3], self.first_row, cosmul, sizes)
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
    units: numpy.ndarray,
    questions: numpy.ndarray,
    first_row: numpy.ndarray,
    cosmul: bool,
    sizes: Sizes,
) -> numpy.ndarray:
    """(n,) the row that answers each question. units: (V, H). questions: (n, 3) rows a, b, c.

    Questions share words: a batch is one product, of its distinct words with all words, and its
    scores are sums (or products) of rows of it. That is a twentieth of the arithmetic of a product
    for each question.
    """
    threads = 1 if config.GPU else cores()
    batch = max(1, min(sizes.questions, sizes.cosines // (3 * len(units) * threads)))
    exclude = _same_words(first_row)
    parts = [questions[start : start + batch] for start in range(0, len(questions), batch)]
    on_device = to_gpu(units) if config.GPU else units

    def answer(part: numpy.ndarray) -> numpy.ndarray:
        return _answer_batch(on_device, part, exclude, cosmul, sizes)

    if config.GPU:
        return numpy.concatenate([answer(part) for part in parts])
    with multiplying_threads(threads) as pool:
        return numpy.concatenate(list(pool.map(answer, parts)))


def _answer_batch(
    units: Array,
    questions: numpy.ndarray,
    exclude: Callable[[numpy.ndarray], tuple[numpy.ndarray, numpy.ndarray]],
    cosmul: bool,
    sizes: Sizes,
) -> numpy.ndarray:
    xp = array_module(units)
    words, places = numpy.unique(questions.ravel(), return_inverse=True)
    cosines = units[xp.asarray(words)] @ units.T
    if cosmul:
        cosines = (cosines + 1) / 2
    places = xp.asarray(places.reshape(questions.shape))
    size = max(1, sizes.scores(xp) // len(units))
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
