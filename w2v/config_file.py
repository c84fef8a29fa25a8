"""Options from a TOML file."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from w2v.config import TrainConfig, check_value, shown
from w2v.errors import ConfigError
from w2v.option_names import nearest

LARGEST_FILE = 1 << 14
"""Bytes of a configuration, at most: tomllib takes minutes for some of the longer ones."""


def read_config(path: str | Path) -> dict[str, Any]:
    """The options in a TOML file, as keyword arguments of `train`.

    Keys are the long options with `-` or `_`; `corpus` names the text, or lists several paths.
    Raises ConfigError for a file that cannot be read, an unknown key (naming the nearest one) or an
    unusable value.
    """
    table = _read_table(path)
    known = {field.name: field for field in dataclasses.fields(TrainConfig)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if (name := key.replace("-", "_")) in values:
            raise ConfigError(
                f"{path}: {name.replace('_', '-'):.80} is given twice, with - and with _: "
                "keep one of them"
            )
        values[name] = value
    for key, value in values.items():
        if key == "corpus":
            if not _names_paths(value):
                raise ConfigError(
                    f"{path}: corpus is a path or a list of paths, not {shown(value)}"
                )
            continue
        if key not in known:
            raise ConfigError(f"{path}: unknown key {shown(key)}{nearest(key, [*known, 'corpus'])}")
        try:
            check_value(known[key], value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
    return values


def _read_table(path: str | Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {error.strerror}; check what --config names"
        ) from error
    if len(data) > LARGEST_FILE:
        raise ConfigError(
            f"{path} is longer than {LARGEST_FILE:,} bytes: name a TOML file of options; "
            "many texts go into a folder"
        )
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise ConfigError(f"{path} is not a configuration: its values are nested") from error
    except ValueError as error:  # tomllib's own, invalid UTF-8, or an int of too many digits
        reason = str(error).partition(";")[0]
        raise ConfigError(f"{path} is not valid TOML: {reason}") from error


def _names_paths(value: Any) -> bool:
    paths = value if isinstance(value, list) else [value]
    return all(isinstance(path, str) and "\0" not in path for path in paths)
