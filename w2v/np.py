"""The book's `common.np`: one name for NumPy or CuPy, chosen by `config.GPU` at each use.

`from w2v import np` (or the book's `from w2v.np import *`) gives this module. Its attributes are
looked up in NumPy or CuPy when they are used, so `config.GPU = True` takes effect whenever it is
set before the arrays are made. Code that is handed arrays asks `backend.array_module` instead.
"""

import sys
from typing import Any

from w2v import backend

np = sys.modules[__name__]
__all__ = ["np"]


def __getattr__(name: str) -> Any:
    # Python itself asks modules for dunder names: forwarding `__path__` would make this module
    # look like a package, and forwarding `__all__` would freeze one backend's names at `import *`.
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(backend.active_module(), name)


def __dir__() -> list[str]:
    return dir(backend.active_module())
