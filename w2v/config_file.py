"""Options from a TOML file."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from w2v.config import TrainConfig, check_value, nearest
from w2v.errors import ConfigError


def read_config(path: str | Path) -> dict[str, Any]:
    """The options in a TOML file, as keyword arguments of `train`.

    Keys are the long options with `-` or `_`; `corpus` names the text, or lists several paths.
    Raises ConfigError for a file that cannot be read, an unknown key (naming the nearest one) or an
    unusable value.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    known = {field.name: field for field in dataclasses.fields(TrainConfig)}
    values = {key.replace("-", "_"): value for key, value in table.items()}
    if len(values) < len(table):
        twice = next(key for key in table if "-" in key and key.replace("-", "_") in table)
        raise ConfigError(f"{path}: {twice} is given twice, with - and with _: keep one of them")
    for key, value in values.items():
        if key == "corpus":
            if not _names_paths(value):
                raise ConfigError(f"{path}: corpus is a path or a list of paths, not {value!r}")
            continue
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}{nearest(key, [*known, 'corpus'])}")
        try:
            check_value(known[key], value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
    return values


def _names_paths(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(path, str) for path in value)
    )
