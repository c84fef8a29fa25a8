"""What is trained in the sections, so that all of it can be compiled ahead: see `cubins`."""

from typing import NamedTuple

WINDOW = NEGATIVE = 5


class Case(NamedTuple):
    """A model, its size, and where they are not the usual ones, its spans.

    shape: centre words and shared negatives of a span. tensor: multiply on tensor cores. bulk: have
    the copy engine copy rows. See `layout.Constants`.
    """

    model: str
    dim: int
    shape: tuple[int, int] | None = None
    tensor: bool = False
    bulk: bool = False

    def __str__(self) -> str:
        spans = " {}x{}".format(*self.shape) if self.shape else ""
        return f"{self.model} {self.dim}{spans}{' tensor' * self.tensor}{' bulk' * self.bulk}"


MODELS = ("skipgram", "cbow")

PARITY = [Case(model, dim) for model in MODELS for dim in (7, 100, 128, 300)]

QUALITY = [Case(model, 100) for model in MODELS]

SPEED = [Case(model, dim) for dim in (100, 128, 300) for model in MODELS]

LARGE_VOCABULARY = [Case(model, 128) for model in MODELS]

SHAPES = [(1, 5), (4, 8), (8, 8), (8, 16), (16, 16), (32, 16), (32, 32)]

VARIANTS = [
    *(Case(model, 128, shape) for model in MODELS for shape in SHAPES),
    *(
        Case(model, 128, shape, tensor, bulk)
        for model in MODELS
        for shape in [(16, 16), (32, 32)]
        for tensor, bulk in [(True, False), (False, True), (True, True)]
    ),
]

LAYERS = [Case("cbow", 100), Case("skipgram", 100)]
"""For the layers engine, which `span.cu` has no part in."""

COMPILED = list(dict.fromkeys([*PARITY, *QUALITY, *SPEED, *LARGE_VOCABULARY, *VARIANTS]))
"""What `span.cu` is compiled for."""


def in_small(cases: list[Case]) -> list[Case]:
    """At most two cases of each model, of dim 8, for a small run."""
    small = dict.fromkeys(case._replace(dim=8) for case in cases)
    return [
        case for model in MODELS for case in [case for case in small if case.model == model][:2]
    ]
