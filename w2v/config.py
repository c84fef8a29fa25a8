"""The GPU switch of the book's `common.config`, and `TrainConfig`: the one home of every default.

The command line, the TOML files and the library all build a `TrainConfig`, so a value is
checked in one place wherever it comes from.
"""

import dataclasses
import numbers
import reprlib
from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

from w2v.errors import ConfigError

GPU = False
"""Set to True to make arrays on the GPU: looked at whenever an array is made (see `w2v.np`)."""

SCORED_WORDS = 300_000
"""How many words, the most frequent ones, count in a score by default, as in gensim."""


DEFAULT_VECTORS = "vectors.pkl"
"""The file that the command line writes vectors to, and asks, where no other is named."""

PYTHON_TOKENIZER = "python:"
"""How the name of a tokenizer begins that is a function in Python."""

LEARNING_RATE = {"cbow": 0.05, "skipgram": 0.025}
"""What the fused engine begins with, by model, as word2vec.c does."""

SAMPLE = 1e-3
"""Words above this share of a text are subsampled, unless the user says otherwise."""

SMALL_TEXT = 10_000
"""Words below which a text is not subsampled: most of them would be above `SAMPLE`."""

ADAM_RATE = 0.001
"""The learning rate of the Adams."""


def _option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    most: tuple[float, str] | None = None,
    choices: tuple[str, ...] | None = None,
    engine: str | None = None,
    section: str | None = None,
    hidden: bool = False,
    decides_ids: bool = False,
    drops_words: bool = False,
    is_recorded: bool = True,
    may_change: bool = False,
    begins: bool = False,
) -> Any:
    """A field with its help text, the values that it takes, and the engine that it is for.

    most: the largest value, where memory or time would not do for more, and why. section: the
    heading under which `--help` shows it. hidden: `--help` does not list it, since another option
    says how to set it. decides_ids: the ids of an encoded text depend on it, so that it is part of
    the cache's key. drops_words: it can leave a text without words before they are counted.
    is_recorded: kept with the vectors, as it changes what is trained. may_change: a run that goes
    on may be given another value. begins: says where a run begins, and is not kept in its folder.
    """
    metadata = {
        "help": help,
        "minimum": minimum,
        "above": above,
        "most": most,
        "choices": choices,
        "engine": engine,
        "section": section or (f"Training with --engine {engine}" if engine else "Training"),
        "hidden": hidden,
        "decides_ids": decides_ids,
        "drops_words": drops_words,
        "is_recorded": is_recorded,
        "may_change": may_change,
        "begins": begins,
    }
    return dataclasses.field(default=default, metadata=metadata)


_text_option = partial(_option, section="Text", decides_ids=True)
_model_option = partial(_option, section="Model")
_score_option = partial(_option, section="Scores", is_recorded=False, may_change=True)
_output_option = partial(_option, section="Output", is_recorded=False, may_change=True)
_kept_option = partial(_option, section="A run that can go on", is_recorded=False, may_change=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig:
    """How a text becomes ids, for `w2v encode` and whatever reads a text.

    Raises ConfigError for a value that cannot be used.
    """

    dataset: str | None = _text_option(
        None,
        "A corpus by name, in place of a file.",
        choices=("demo", "ptb", "20newsgroups"),
        decides_ids=False,
    )
    split: str = _text_option(
        "train",
        "Which part of a named corpus.",
        choices=("train", "valid", "test"),
        decides_ids=False,
    )
    data_dir: str | None = _text_option(
        None,
        "Folder with named corpora, read instead of downloading [env: W2V_DATA_DIR].",
        decides_ids=False,
        is_recorded=False,
        may_change=True,
    )
    column: str = _text_option(
        "text",
        "The column with the text, of Parquet, .csv, .tsv and .jsonl; a.b: b in structs or "
        "objects a.",
    )
    encoding: str = _text_option("utf-8", "Character encoding of the text.")
    encoding_errors: str = _text_option(
        "strict",
        "What to do with bytes that are not valid in the encoding.",
        choices=("strict", "replace", "ignore"),
    )
    tokenizer: str = _text_option(
        "whitespace",
        "What a word is: whitespace: what is between white space; words: the runs of letters "
        "in it, of any script; regex:PATTERN: all that matches in it; python:MODULE:FUNCTION: what "
        "a function of yours makes of each line.",
        drops_words=True,
    )
    keep_numbers: bool = _text_option(False, "With --tokenizer words: digits count as letters.")
    normalize: str | None = _text_option(
        None,
        "Bring the text into this Unicode form; ask the vectors with the same.",
        choices=("nfc", "nfkc"),
    )
    lowercase: bool = _text_option(False, "Turn the text to lower case.")
    min_length: int = _text_option(
        1, "Leave out words of fewer characters.", minimum=1, drops_words=True
    )
    stop_words: str | None = _text_option(
        None,
        "Leave out these words: english, or a file of words with white space between them.",
        drops_words=True,
    )
    min_sentence: int = _text_option(
        1,
        "Leave out sentences (lines) of fewer words, after cleaning.",
        minimum=1,
        drops_words=True,
    )
    min_count: int = _text_option(5, "Leave out words that occur less often.", minimum=1)
    max_vocab: int | None = _text_option(
        None,
        "Keep only this many most frequent words; also bounds the memory for rare words.",
        minimum=1,
    )
    vocab_order: str = _text_option(
        "frequency",
        "Number the words by falling frequency or by first appearance.",
        choices=("frequency", "appearance"),
    )
    cache: bool = _text_option(
        True,
        "Keep the encoded text, and use it again while nothing changed.",
        decides_ids=False,
        is_recorded=False,
        may_change=True,
    )

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
    model: str = _model_option("cbow", "How words are predicted.", choices=("cbow", "skipgram"))
    dim: int = _model_option(
        100,
        "Size of a word vector.",
        minimum=1,
        most=(10_000, "since every word takes 8 bytes of memory for each"),
    )
    window: int = _model_option(
        5,
        "Context words on each side of the target.",
        minimum=1,
        most=(10_000, "since every thread holds the vectors of a window"),
    )
    negative: int = _model_option(
        5,
        "Negative samples for each target.",
        minimum=1,
        most=(1_000, "since every target takes memory and time for each; 5 to 20 are usual"),
    )
    ns_exponent: float = _model_option(
        0.75,
        "Negatives are drawn in proportion to counts to this power.",
        minimum=0,
        most=(10, "since above it only the most frequent word would be drawn"),
    )
    # Training
    engine: str | None = _option(
        None,
        "fused: one kernel over the text, fast; layers: mini-batches as in the book. Without it, "
        "fused.",
        choices=("fused", "layers"),
    )
    epochs: int = _option(
        5,
        "Passes over the text.",
        minimum=1,
        most=(1_000_000, "since places are counted over all epochs"),
        may_change=True,
    )
    lr: float | None = _option(
        None,
        f"Learning rate to begin with; without it, {LEARNING_RATE['skipgram']} for skip-gram and "
        f"{LEARNING_RATE['cbow']} for CBOW (fused), or the optimizer's own (Adam: {ADAM_RATE}).",
        above=0,
    )
    seed: int = _option(1, "Same seed, same vectors (with one thread).", minimum=0)
    gpu: bool = _option(
        False,
        "Train on the GPU, through CuPy; --gpu 1 takes the second of several.",
        may_change=True,
    )
    device: int = _option(
        0,
        "The GPU's number, which --gpu 1 sets.",
        minimum=0,
        hidden=True,
        is_recorded=False,
        may_change=True,
    )
    min_lr: float = _option(0.0001, "Learning rate at the end (fused).", minimum=0, engine="fused")
    sample: float | None = _option(
        None,
        f"Subsample words above this share of the text; 0: none. Without it, {SAMPLE:g}, but "
        f"none in texts of fewer than {SMALL_TEXT:,} words (fused).",
        minimum=0,
        engine="fused",
    )
    fixed_window: bool = _option(
        False,
        "Take all --window words on each side, not a random number of them: for baskets and walks "
        "(fused; layers always does).",
        engine="fused",
    )
    threads: int | None = _option(
        None,
        "Threads that train; all cores if unset (fused).",
        minimum=1,
        most=(1_024, "since each takes memory, and those beyond the cores gain nothing"),
        engine="fused",
        may_change=True,
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
        most=(1_000_000, "since a batch holds the vectors of all its words at once"),
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
    analogies: str | None = _score_option(
        None, "Score by these analogies: a file like questions-words.txt, or the set google."
    )
    pairs: str | None = _score_option(
        None, "Score by these rated word pairs: a file, or the set wordsim353 or simlex999."
    )
    eval_every: int | None = _score_option(
        None, "Words between two scores, if they are to come before the end.", minimum=1
    )
    # What comes out
    output: str | None = _output_option(
        None,
        "Where the vectors go, in the format of the ending: .pkl, .bin, .txt, .vec, .safetensors, "
        ".npz or .tsv.",
    )
    plot: str | None = _output_option(None, "Draw the loss curve into this PNG file.")
    # A run in a folder
    run_dir: str | None = _kept_option(
        None,
        "Keep the run in this new folder, from which it can go on.",
        begins=True,
        may_change=False,
    )
    resume: str | None = _kept_option(
        None,
        "Go on with the run in this folder, from its last checkpoint.",
        begins=True,
    )
    checkpoint_every: str = _kept_option(
        "10min", "Time or words between two checkpoints: 30s, 10min, 2h, 500kwords, 100Mwords."
    )
    checkpoint_in_place: bool = _kept_option(
        False, "Let training wait while a checkpoint is written, in place of copying its weights."
    )

    def sample_of(self, words: float) -> float:
        """The share above which words are subsampled in a text of this many words."""
        if self.sample is None:
            return SAMPLE if words >= SMALL_TEXT else 0.0
        return self.sample


def check_rates(config: TrainConfig) -> None:
    """Raise ConfigError if the learning rate would rise from its beginning to its end."""
    first = LEARNING_RATE[config.model] if config.lr is None else config.lr
    if config.engine != "layers" and config.min_lr > first:
        raise ConfigError(
            f"--min-lr {config.min_lr:g} is above the rate that training begins with, {first:g}: "
            "lower it, or raise --lr"
        )


def value_type(field: dataclasses.Field) -> type:
    """The type of an option's values: `int` for `int` and for `int | None`."""
    kinds = get_args(field.type) or (field.type,)
    return next(kind for kind in kinds if kind is not type(None))


def option_name(field_name: str) -> str:
    """A field's name as it is written on the command line: `min_count` -> `--min-count`."""
    return "--" + field_name.replace("_", "-")


_TAKEN: dict[type, Any] = {
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
    fits = isinstance(value, _TAKEN[kind])
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} takes a value of type {kind.__name__}, not {shown(value)}")
    if kind is str and "\0" in value:
        raise ConfigError(f"{name} holds a NUL character: {shown(value)}")
    if value == "":
        raise ConfigError(f"{name} is empty: give it a value, or leave it out")
    if limits["choices"] and value not in limits["choices"]:
        raise ConfigError(f"{name} is one of {', '.join(limits['choices'])}, not {shown(value)}")
    if kind in (int, float):
        _check_number(name, value, LARGEST[kind], limits)


def _check_number(name: str, value: Any, largest: float, limits: Mapping[str, Any]) -> None:
    if not abs(value) <= largest:
        raise ConfigError(f"{name} must be a number up to {largest:g}, not {shown(value)}")
    if limits["minimum"] is not None and not value >= limits["minimum"]:
        raise ConfigError(f"{name} must be at least {limits['minimum']}, not {value}")
    if limits["above"] is not None and not value > limits["above"]:
        raise ConfigError(f"{name} must be above {limits['above']}, not {value}")
    if limits["most"] is not None and value > (most := limits["most"])[0]:
        raise ConfigError(f"{name} must be at most {most[0]:,}, {most[1]}, not {value:,}")


class _Short(reprlib.Repr):
    """Values in messages, cut off where they are long or deep."""

    maxstring = maxother = 100

    def repr_int(self, number: int, level: int) -> str:
        """Python refuses to write an int of more than some thousand digits."""
        bits = number.bit_length()
        return repr(number) if bits <= 256 else f"a number of {bits:,} bits"


def shown(value: Any) -> str:
    """How a message shows a value, whatever it is."""
    return str(value) if isinstance(value, float) else _Short().repr(value)
