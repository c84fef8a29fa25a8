"""What an update rule keeps, as tensors with which a training goes on, here or on another device.

On the same device the numbers are the same to the bit. Adam's moments are kept in three forms: as
they are ("plain", on a GPU), divided by their decay ("scaled", `Adam` on a CPU), or with rows that
are behind ("behind", `CatchUpAdam`).
"""

from typing import Any

import numpy

from w2v.backend import Array, array_module, to_cpu
from w2v.optimizers.catch_up import CatchUpAdam
from w2v.optimizers.rules import Adam, Rule

TABLES = ("W_in", "W_out")


def kept(rule: Rule, params: list[Array]) -> tuple[dict[str, numpy.ndarray], dict[str, Any]]:
    """The tensors, named after their tables, and the numbers.

    params: W_in and W_out. On a CPU they and the tensors are those that the training goes on with.
    """
    tensors = {
        f"{table}.{name}": to_cpu(array)
        for table, arrays in zip(TABLES, rule.arrays(params), strict=True)
        for name, array in zip(rule.kept, arrays, strict=True)
    }
    return tensors, {"updates": rule.iter, "form": form(rule, params)}


def form(rule: Rule, params: list[Array]) -> str:
    """The form in which the rule keeps its moments."""
    if array_module(*params) is not numpy:
        return "plain"
    return {Adam: "scaled", CatchUpAdam: "behind"}.get(type(rule), "plain")


def restore(
    rule: Rule, params: list[Array], tensors: dict[str, numpy.ndarray], numbers: dict[str, Any]
) -> None:
    """Let the rule keep what `kept` gave. params: already as they were, and settled if need be.

    Raises KeyError if something is missing.
    """
    rule.iter = numbers["updates"]
    saved = numbers["form"]
    if saved != form(rule, params):
        tensors = _plain(rule, params, tensors, saved)
        if form(rule, params) == "scaled":
            tensors = _scaled(rule, tensors, -1)
        for table, param in zip(TABLES, params, strict=True):
            tensors[f"{table}.last"] = numpy.full(len(param), rule.iter, numpy.int64)
    xp = array_module(*params)
    for table, arrays in zip(TABLES, rule.arrays(params), strict=True):
        for name, array in zip(rule.kept, arrays, strict=True):
            array[...] = xp.asarray(tensors[f"{table}.{name}"])


def _plain(
    rule: Any, params: list[Array], tensors: dict[str, numpy.ndarray], saved: str
) -> dict[str, numpy.ndarray]:
    """Adam's moments as they are; rows that were behind are brought up to date, params too."""
    if saved == "scaled":
        return _scaled(rule, tensors, 1)
    if saved == "plain":
        return dict(tensors)
    tables = [numpy.array(to_cpu(param)) for param in params]
    behind = CatchUpAdam(rule.lr, rule.beta1, rule.beta2)
    restore(behind, tables, tensors, {"updates": rule.iter, "form": "behind"})
    behind.settle(tables)
    for param, table in zip(params, tables, strict=True):
        param[...] = array_module(param).asarray(table)
    return kept(behind, tables)[0]


def _scaled(rule: Any, tensors: dict[str, numpy.ndarray], power: int) -> dict[str, numpy.ndarray]:
    """Adam's moments times their decay since the last renewal, or with power -1 divided by it."""
    age = rule.iter % getattr(rule, "renewal", Adam().renewal)
    factors = {"m": rule.beta1 ** (power * age), "v": rule.beta2 ** (power * age)}
    return {
        name: tensor * tensor.dtype.type(factors[name[-1]]) if name[-2:] in (".m", ".v") else tensor
        for name, tensor in tensors.items()
    }
