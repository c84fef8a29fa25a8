"""w2v: word vectors from text, on NumPy or CuPy.

    import w2v
    vectors = w2v.train("corpus.txt", dim=100)
    vectors.similar("toyota")
    vectors = w2v.load("vectors.pkl")

Names are imported when they are first used, so that `import w2v` costs nothing.
"""

import importlib
from typing import Any

_HOMES = {
    "WordVectors": "w2v.vectors",
    "load": "w2v.vectors",
    "save": "w2v.vectors",
    "train": "w2v.training.run",
}
_MODULES = ("config", "np")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"w2v.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'w2v' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
