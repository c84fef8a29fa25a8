"""The words of vectors and their rows as Python's list and dict, which nobody can change.

Answers are found through both, so a word that is moved or removed would give those of another.
"""

from typing import NoReturn, SupportsIndex

import numpy

from w2v.errors import ConfigError


def _refuse(*_: object, **__: object) -> NoReturn:
    raise ConfigError(
        "the words of vectors cannot be changed in place: change a copy, list(vectors.words), or "
        "add words by vectors.add_vectors(words, matrix)"
    )


class WordList(list[str]):
    """A list of strings that cannot be changed; its copies, slices and sums are ordinary lists."""

    __slots__ = ()
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce_ex__(self, _: SupportsIndex) -> tuple:
        return list, (list(self),)


class WordRows(dict[str, int]):
    """The row of each word, which cannot be changed; its copies are ordinary dictionaries."""

    __slots__ = ()
    clear = pop = popitem = setdefault = update = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse

    def __reduce_ex__(self, _: SupportsIndex) -> tuple:
        return dict, (dict(self),)


def locked(array: numpy.ndarray) -> numpy.ndarray:
    """The same numbers, read-only; the array itself stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
