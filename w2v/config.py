"""The GPU switch of the book's `common.config`, and `TrainConfig`: every default's one home.

The command line, the TOML files and the library all build a `TrainConfig`, so a value is
checked in one place whatever way it came.
"""

import dataclasses
import difflib
import numbers
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from w2v.errors import ConfigError

GPU = False
"""Set to True to make arrays on the GPU: looked at whenever an array is made (see `w2v.np`)."""

SCORED_WORDS = 300_000
"""Words that count in a score by default, from the first, as in gensim."""


def _option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] | None = None,
    engine: str | None = None,
    hidden: bool = False,
) -> Any:
    """A field with its help text, the values that it admits, and the engine that it is for.

    hidden: `--help` does not list it, since another option says how to set it.
    """
    limits = {"minimum": minimum, "above": above, "choices": choices}
    metadata = {"help": help, "engine": engine, "hidden": hidden, **limits}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig:
    """How a text becomes ids, for `w2v encode` and whatever reads a text.

    Raises ConfigError for a value that cannot be used.
    """

    dataset: str | None = _option(
        None, "A corpus by name, in place of a file.", choices=("demo", "ptb", "20newsgroups")
    )
    split: str = _option(
        "train", "Which part of a named corpus.", choices=("train", "valid", "test")
    )
    data_dir: str | None = _option(
        None, "Folder with named corpora, read instead of downloading [env: W2V_DATA_DIR]."
    )
    column: str = _option("text", "The column of a Parquet file that holds the text.")
    encoding: str = _option("utf-8", "Character encoding of the text.")
    encoding_errors: str = _option(
        "strict",
        "What to do with bytes that are not valid in the encoding.",
        choices=("strict", "replace", "ignore"),
    )
    tokenizer: str = _option(
        "whitespace",
        "What a word is: whitespace: what stands between white space; words: the runs of letters "
        "in it, of any script; regex:PATTERN: all that matches in it.",
    )
    keep_numbers: bool = _option(False, "With --tokenizer words: digits count as letters.")
    lowercase: bool = _option(False, "Turn the text to lower case.")
    min_length: int = _option(1, "Leave out words of fewer characters.", minimum=1)
    stop_words: str | None = _option(
        None, "Leave out these words: english, or a file of words with white space between them."
    )
    min_sentence: int = _option(
        1, "Leave out sentences (lines) of fewer words, after cleaning.", minimum=1
    )
    min_count: int = _option(5, "Leave out words that occur less often.", minimum=1)
    max_vocab: int | None = _option(
        None,
        "Keep only this many most frequent words; also bounds the memory for rare words.",
        minimum=1,
    )
    vocab_order: str = _option(
        "frequency",
        "Number the words by falling frequency or by first appearance.",
        choices=("frequency", "appearance"),
    )
    cache: bool = _option(True, "Keep the encoded text, and use it again while nothing changed.")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            check_value(field, value)
            if isinstance(value, numbers.Real):  # NumPy's would overflow where Python's do not
                object.__setattr__(self, field.name, value_type(field)(value))


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(TextConfig):
    """What `w2v train` and `w2v.train` do. Raises ConfigError for a value that cannot be used."""

    # The model
    model: str = _option("cbow", "How words are predicted.", choices=("cbow", "skipgram"))
    dim: int = _option(100, "Size of a word vector.", minimum=1)
    window: int = _option(5, "Context words on each side of the target.", minimum=1)
    negative: int = _option(5, "Negative samples for each target.", minimum=1)
    ns_exponent: float = _option(
        0.75, "Negatives are drawn in proportion to counts to this power.", minimum=0
    )
    # Training
    engine: str | None = _option(
        None,
        "fused: one kernel over the text, fast; layers: mini-batches as in the book. Without it, "
        "fused.",
        choices=("fused", "layers"),
    )
    epochs: int = _option(5, "Passes over the text.", minimum=1)
    lr: float | None = _option(
        None,
        "Learning rate to begin with; without it, 0.025 for skip-gram and 0.05 for CBOW (fused), "
        "or the optimizer's own (Adam: 0.001).",
        above=0,
    )
    seed: int = _option(1, "Same seed, same vectors (with one thread).", minimum=0)
    gpu: bool = _option(
        False, "Train on the GPU, through CuPy; --gpu 1 takes the second of several."
    )
    device: int = _option(0, "The GPU's number, which --gpu 1 sets.", minimum=0, hidden=True)
    min_lr: float = _option(0.0001, "Learning rate at the end (fused).", minimum=0, engine="fused")
    sample: float = _option(
        1e-3,
        "Subsample words above this share of the text; 0: none (fused).",
        minimum=0,
        engine="fused",
    )
    threads: int | None = _option(
        None, "Threads that train; all cores if unset (fused).", minimum=1, engine="fused"
    )
    labelled_pairs: bool = _option(
        False,
        "Train skip-gram on pairs of words with labels, as Keras's skipgrams makes them, the same "
        "ones in each epoch (layers).",
        engine="layers",
    )
    batch_size: int = _option(
        100,
        "Targets in one update, or with --labelled-pairs sentences (layers).",
        minimum=1,
        engine="layers",
    )
    optimizer: str = _option(
        "lazy-adam",
        "The update rule (layers): lazy-adam moves only the rows of the batch.",
        choices=("sgd", "momentum", "adagrad", "adam", "lazy-adam"),
        engine="layers",
    )
    max_grad: float | None = _option(
        None, "Clip the gradient's norm to this (layers).", above=0, engine="layers"
    )
    eval_interval: int = _option(
        100, "Updates between two reports of the loss (layers).", minimum=1, engine="layers"
    )
    # Scores while training
    analogies: str | None = _option(
        None, "Score by these analogies: a file like questions-words.txt, or the set google."
    )
    pairs: str | None = _option(
        None, "Score by these rated word pairs: a file, or the set wordsim353 or simlex999."
    )
    eval_every: int | None = _option(
        None, "Words between two scores, if they are to come before the end.", minimum=1
    )
    # What comes out
    output: str = _option(
        "vectors.pkl",
        "Where the vectors go, in the format of the ending: .pkl, .bin, .txt, .vec, .safetensors, "
        ".npz or .tsv.",
    )
    plot: str | None = _option(None, "Draw the loss curve into this PNG file.")


def value_type(field: dataclasses.Field) -> type:
    """The type of an option's values: `int` for `int` and for `int | None`."""
    kinds = get_args(field.type) or (field.type,)
    return next(kind for kind in kinds if kind is not type(None))


def option_name(field_name: str) -> str:
    """A field's name as it is written on the command line: `min_count` -> `--min-count`."""
    return "--" + field_name.replace("_", "-")


_ADMITTED: dict[type, Any] = {
    bool: bool,
    int: numbers.Integral,  # NumPy's integers too
    float: numbers.Real,
    str: str,
}

LARGEST: dict[type, float] = {int: 2**31 - 1, float: 1e30}


def check_value(field: dataclasses.Field, value: Any) -> None:
    """Raise ConfigError, naming the option and what it takes, unless `value` fits `field`."""
    if value is None and type(None) in get_args(field.type):
        return
    name, kind, limits = option_name(field.name), value_type(field), field.metadata
    fits = isinstance(value, _ADMITTED[kind])
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} takes a value of type {kind.__name__}, not {value!r}")
    if kind in (int, float) and not abs(value) <= LARGEST[kind]:
        raise ConfigError(f"{name} must be a number up to {LARGEST[kind]:g}, not {value}")
    if kind is str and "\0" in value:
        raise ConfigError(f"{name} holds a NUL character: {value!r}")
    if limits["choices"] and value not in limits["choices"]:
        raise ConfigError(f"{name} is one of {', '.join(limits['choices'])}, not {value!r}")
    if limits["minimum"] is not None and not value >= limits["minimum"]:
        raise ConfigError(f"{name} must be at least {limits['minimum']}, not {value}")
    if limits["above"] is not None and not value > limits["above"]:
        raise ConfigError(f"{name} must be above {limits['above']}, not {value}")


def nearest(name: str, known: Iterable[str]) -> str:
    """' (did you mean X?)' for the known name closest to `name`, or '' where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


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
