"""Correlation of cosines with people's ratings of word pairs.

The figures are those of gensim's `evaluate_word_pairs` on the same vectors. `Pairs` finds its words
in a vocabulary once, and then scores any matrix of that vocabulary.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

from w2v import config
from w2v.errors import InputError, import_extra
from w2v.vectors.cosine import unit_rows
from w2v.vectors.evaluation.files import Lookup, nothing_known, read_pairs
from w2v.vectors.evaluation.intervals import Interval, bootstrap
from w2v.vectors.evaluation.sets import evaluation_file


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
        lookup = Lookup(words[:restrict], case_sensitive)
        rows = numpy.array([lookup.rows(pair) for pair in pairs])
        found = numpy.all(rows >= 0, axis=1)
        if not found.any():
            raise nothing_known(path, len(pairs), "pairs", restrict)
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
        interval = bootstrap(ratings, cosines, rank)
    return Correlation(float(found[0]), float(found[1]), interval)
