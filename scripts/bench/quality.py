"""How good word vectors are: WordSim-353 and analogies, in percent, as gensim scores them."""

from pathlib import Path

import numpy as np

RESTRICT = 30_000  # analogies among the most frequent words


def quality(words: list[str], matrix: np.ndarray, folder: Path) -> dict[str, float]:
    """Spearman's correlation on word pairs and the share of right answers to analogies.

    matrix: (V, H), words by falling frequency. folder: holds wordsim353.tsv and
    questions-words.txt. Pairs and questions with unknown words are left out, as gensim does.
    """
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(matrix.shape[1])
    vectors.add_vectors(words, np.ascontiguousarray(matrix, np.float32))
    pairs = vectors.evaluate_word_pairs(str(folder / "wordsim353.tsv"))
    questions = str(folder / "questions-words.txt")
    _, sections = vectors.evaluate_word_analogies(questions, restrict_vocab=RESTRICT)
    kinds: dict[str, list[int]] = {"semantic": [0, 0], "syntactic": [0, 0]}
    for section in sections[:-1]:  # the last one is the total
        kind = kinds["syntactic" if section["section"].startswith("gram") else "semantic"]
        kind[0] += len(section["correct"])
        kind[1] += len(section["correct"]) + len(section["incorrect"])
    kinds["analogies"] = [sum(column) for column in zip(*kinds.values(), strict=True)]
    shares = {name: 100 * right / max(asked, 1) for name, (right, asked) in kinds.items()}
    return {"wordsim": 100 * float(pairs[1].statistic), **shares}
