"""Whether vectors were trained long enough to tell words apart, and what to raise if not."""

import math

import numpy

from w2v.vectors import WordVectors

FREQUENT = 1000  # words, the most frequent ones, that are compared with one another
ALIKE = 0.5  # mean cosine of two of them from which on the vectors are hardly apart
FEW = 100_000  # words trained, over all epochs, that are too few for any vectors
ENOUGH = 1_500_000  # words after which those of small texts are apart: 5 epochs of 300,000
MOST_EPOCHS = 1000


def mean_cosine(matrix: numpy.ndarray) -> float:
    """The mean cosine of two different rows of (V, H), without rows of zeros; 0 if there are none.

    >>> round(mean_cosine(numpy.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]])), 6)
    1.0
    """
    rows = matrix.astype(numpy.float64)
    lengths = numpy.linalg.norm(rows, axis=1)
    units = rows[lengths > 0] / lengths[lengths > 0][:, None]
    count = len(units)
    if count < 2:
        return 0.0
    # The square of the sum of unit vectors is the sum of all cosines, those of 1 among them.
    return float(((units.sum(axis=0) ** 2).sum() - count) / (count * (count - 1)))


def advice(vectors: WordVectors, trained: int, epochs: int) -> str | None:
    """What to say of vectors after so many words in so many epochs; None if they are apart."""
    alike = mean_cosine(vectors.matrix[:FREQUENT])
    if alike < ALIKE and trained >= FEW:
        return None
    why = (
        f"two words have a cosine of {alike:.2f} on average"
        if alike >= ALIKE
        else f"{trained:,} words are few"
    )
    wanted = math.ceil(ENOUGH / max(1, trained / epochs))
    more = f"raise --epochs, to {min(wanted, MOST_EPOCHS)} say, or " if wanted > epochs else ""
    return f"undertrained, for {why}: {more}use a longer text"
