"""The errors that w2v raises on purpose, each with what to do about it in its message.

The command line catches `W2VError` once, prints its message in one line and exits with
`exit_code`. Each kind also derives from the built-in error that a library user expects.
"""

import importlib
from types import ModuleType


class W2VError(Exception):
    """Base of all errors whose message is meant for the user."""

    exit_code = 1


class ConfigError(W2VError, ValueError):
    """An option has a value that cannot be used."""

    exit_code = 2


class GPUError(W2VError, RuntimeError):
    """A GPU was asked for and there is none to be used."""

    exit_code = 2


class MissingPackageError(W2VError, ImportError):
    """A command needs a package that is not installed."""


class CorpusError(W2VError, ValueError):
    """The text cannot be read, or there is too little of it."""


class VocabularyError(W2VError, ValueError):
    """The vocabulary is too small for what is asked of it."""


class DivergenceError(W2VError, ArithmeticError):
    """Training has left the range of numbers."""


class OutputError(W2VError, OSError):
    """A file cannot be written where the user wants it."""


class ModelFileError(W2VError, ValueError):
    """A file of word vectors is missing, cut off, or something else."""


class InputError(W2VError, ValueError):
    """A list of words, vectors, analogies or pairs cannot be used, or none of it is known."""


class W2VWarning(UserWarning):
    """Something was done, though perhaps not as it was meant."""


class UnknownWordError(W2VError, KeyError):
    """A word is not in the vocabulary; `suggestions` holds close spellings, best first.

    form: the Unicode form, "NFC" for example, in which the word is there.
    """

    def __init__(self, word: str, suggestions: list[str], form: str | None = None):
        super().__init__(word, suggestions, form)
        self.word, self.suggestions, self.form = word, suggestions, form

    def __str__(self) -> str:  # KeyError would show the repr of the message
        hint = f"; did you mean {', '.join(self.suggestions)}?" if self.suggestions else ""
        if self.form:
            hint = (
                f" as it is written here, but in the Unicode form {self.form}: ask for "
                f"unicodedata.normalize({self.form!r}, word), or with --normalize "
                f"{self.form.lower()}"
            )
        return f"{self.word!r} is not in the vocabulary{hint}"


def import_extra(name: str, needed_for: str) -> ModuleType:
    """Import an optional package, or raise MissingPackageError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("sklearn", "scikit-learn")
        raise MissingPackageError(
            f"{needed_for} needs {package}, which cannot be imported ({error}): "
            f"pip install {package}"
        ) from error
