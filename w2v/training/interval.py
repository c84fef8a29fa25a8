"""How often something is done in a run: a time, or a number of words."""

import re
from dataclasses import dataclass

from w2v.errors import ConfigError

UNITS = {
    "s": ("seconds", 1),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
    "kwords": ("words", 1_000),
    "Mwords": ("words", 1_000_000),
}


@dataclass(frozen=True)
class Interval:
    """A number of seconds or of words: the other one is None."""

    seconds: float | None = None
    words: int | None = None

    @classmethod
    def parse(cls, text: str, option: str) -> "Interval":
        """An interval as an option takes it. Raises ConfigError, naming the option.

        >>> Interval.parse("10min", "--checkpoint-every")
        Interval(seconds=600.0, words=None)
        >>> Interval.parse("100 Mwords", "--checkpoint-every")
        Interval(seconds=None, words=100000000)
        """
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*", text)
        if match is None or match[2] not in UNITS or not 0 < float(match[1]) <= 1e9:
            raise ConfigError(
                f"{option} is a time or a number of words, such as 30s, 10min, 2h, 500kwords or "
                f"100Mwords, not {text!r}"
            )
        kind, factor = UNITS[match[2]]
        number = float(match[1]) * factor
        return cls(seconds=number) if kind == "seconds" else cls(words=max(1, round(number)))
