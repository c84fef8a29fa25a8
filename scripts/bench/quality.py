"""How good word vectors are, in percent: what the benchmarks show of `w2v.vectors.evaluation`."""

from pathlib import Path

import numpy as np

from w2v.training.scores import RESTRICT
from w2v.vectors.evaluation import Analogies, Pairs


def quality(words: list[str], matrix: np.ndarray, folder: Path) -> dict[str, float]:
    """Spearman's correlation on word pairs and the share of right answers to analogies.

    matrix: (V, H), words by falling frequency. folder: holds wordsim353.tsv and
    questions-words.txt. Pairs and questions with unknown words are left out.
    """
    matrix = np.ascontiguousarray(matrix, np.float32)
    pairs = Pairs(folder / "wordsim353.tsv", words).score(matrix)
    scores = Analogies(folder / "questions-words.txt", words, RESTRICT).score(matrix)
    shares = {tally.name: 100 * tally.share for tally in scores.totals}
    shares["analogies"] = shares.pop("total")
    return {"wordsim": 100 * pairs.spearman.coefficient, **shares}
