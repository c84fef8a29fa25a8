"""`python:module:function`: any Python callable as the tokenizer.

Named on the command line or by the library's caller only: a name that comes from a file is not
taken, since using it runs code.
"""

import hashlib
import importlib
import os
import sys
import threading
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

from w2v.config import PYTHON_TOKENIZER
from w2v.errors import ConfigError, CorpusError

SHOWN = 60  # characters of a line in an error

SplitLine = Callable[[str], list[str]]


def is_python(tokenizer: str) -> bool:
    """Whether a tokenizer is a Python callable."""
    return tokenizer.startswith(PYTHON_TOKENIZER)


def line_splitter(tokenizer: str) -> SplitLine:
    """What makes the words of a line, by the callable that `python:module:function` names.

    The callable takes a line, a str, and gives its words, or a string with white space between
    them. It is called from one thread at a time. Raises ConfigError if it cannot be imported.
    """
    function, lock = _find(tokenizer), threading.Lock()

    def split(line: str) -> list[str]:
        try:
            with lock:
                made = function(line)
                words = made.split() if isinstance(made, str) else list(made)
        except Exception as error:
            raise CorpusError(
                f"--tokenizer {tokenizer} fails on the line {line[:SHOWN]!r}: "
                f"{type(error).__name__}: {error}"
            ) from error
        for word in words:
            if not isinstance(word, str):
                raise ConfigError(
                    f"--tokenizer {tokenizer} gave {word!r:.{SHOWN}} ({type(word).__name__}) as a "
                    "word: name a function that returns a list of strings"
                )
        return [part for word in words for part in word.split()]

    return split


def source_key(tokenizer: str) -> str:
    """What tells this tokenizer from others, and from what it was before: its file's SHA-256."""
    module = getattr(_find(tokenizer), "__module__", None)
    files = {getattr(_module(tokenizer), "__file__", None)}
    files.add(getattr(sys.modules.get(module or ""), "__file__", None))
    digest = hashlib.sha256()
    for file in sorted(filter(None, files)):
        digest.update(Path(file).read_bytes())
    return f"{tokenizer}, SHA-256 {digest.hexdigest()[:16]}"


def _parts(tokenizer: str) -> tuple[str, str]:
    module, _, function = tokenizer.removeprefix(PYTHON_TOKENIZER).partition(":")
    if not module or not function:
        raise ConfigError(
            f"--tokenizer {tokenizer}: write python:module:function, such as python:jieba:lcut"
        )
    return module, function


def _module(tokenizer: str) -> Any:
    name, _ = _parts(tokenizer)
    if os.getcwd() not in sys.path:  # the command `w2v` does not look there, Python itself does
        sys.path.append(os.getcwd())
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever the module's own code raises
        raise ConfigError(
            f"--tokenizer {tokenizer}: the module {name} cannot be imported "
            f"({type(error).__name__}: {error}); it is looked for among the installed packages "
            "and in the current folder"
        ) from error


def _find(tokenizer: str) -> Callable[[str], Any]:
    module, name = _module(tokenizer), _parts(tokenizer)[1]
    try:
        function = reduce(getattr, name.split("."), module)
    except AttributeError as error:
        raise ConfigError(f"--tokenizer {tokenizer}: {error}") from error
    if not callable(function):
        raise ConfigError(f"--tokenizer {tokenizer}: {name} is not a function")
    return function
