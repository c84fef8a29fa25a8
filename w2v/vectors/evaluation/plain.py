"""Scores as JSON takes them."""

import dataclasses
import math

from w2v.vectors.evaluation.analogies import AnalogyScores
from w2v.vectors.evaluation.word_pairs import PairScores


def plain(scores: AnalogyScores | PairScores) -> dict:
    """Scores as JSON takes them: NaN as null."""
    if isinstance(scores, PairScores):
        return _without_nan(dataclasses.asdict(scores))
    tallies = {
        kind: [
            {**dataclasses.asdict(tally), "share": tally.share, "interval": tally.interval}
            for tally in getattr(scores, kind)
        ]
        for kind in ("sections", "totals")
    }
    return _without_nan({"name": scores.name, "method": scores.method, **tallies})


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
