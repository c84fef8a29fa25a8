"""The worked examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import w2v

NAMES = [
    module.name
    for module in pkgutil.walk_packages(w2v.__path__, "w2v.")
    if not module.name.startswith(("w2v.kernels.cuda", "w2v.__main__"))
]


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_there_are_examples_where_they_help_most():
    for name, functions in {
        "w2v.corpus.short_sentences": ("without_short", "_renumbered"),
        "w2v.corpus.book_stream": ("with_eos",),
        "w2v.corpus.stream_builder": ("_renumbered",),
        "w2v.corpus.tokenize": ("_split_words", "_token_offsets"),
    }.items():
        module = importlib.import_module(name)
        for function in functions:
            assert ">>>" in getattr(module, function).__doc__, f"{name}.{function}"
