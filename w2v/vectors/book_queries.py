"""The book's `most_similar` and `analogy`: plain functions that print, for a reader's notebook.

They differ from the book's `common/util.py` in that `analogy` compares by cosine: the book forgets
to bring its rows to length 1 there. Both also return what they print.
"""

from collections.abc import Mapping

from w2v.backend import Array
from w2v.errors import UnknownWordError
from w2v.vectors.queries import Scored
from w2v.vectors.word_vectors import WordVectors


def most_similar(
    query: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix: Array,
    top: int = 5,
) -> list[Scored]:
    """Print and return the words nearest to `query`. word_matrix: (V, H)."""
    vectors = _vectors(id_to_word, word_matrix)
    if query not in word_to_id:
        print(f"{query} is not found")
        return []
    print("\n[query] " + query)
    return _show(vectors.similar(query, top))


def analogy(
    a: str,
    b: str,
    c: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix: Array,
    top: int = 5,
    answer: str | None = None,
) -> list[Scored]:
    """Print and return what completes `a:b = c:?`. word_matrix: (V, H)."""
    vectors = _vectors(id_to_word, word_matrix)
    print(f"\n[analogy] {a}:{b} = {c}:?")
    try:
        found = vectors.analogy(a, b, c, top)
        if answer is not None:
            print(f"==>{answer}:{vectors.analogy_score(a, b, c, answer)}")
    except UnknownWordError as error:
        print(f"{error.word} is not found")
        return []
    return _show(found)


def _vectors(id_to_word: Mapping[int, str], word_matrix: Array) -> WordVectors:
    words = [id_to_word[row] for row in range(len(word_matrix))]
    return WordVectors(words, word_matrix, copy=False)


def _show(found: list[Scored]) -> list[Scored]:
    for word, score in found:
        print(f" {word}: {score}")
    return found
