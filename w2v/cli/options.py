"""Options that several commands share."""

import dataclasses
import os
from collections.abc import Callable, Container, Mapping
from types import MappingProxyType
from typing import Any

import click
from click.core import ParameterSource

from w2v.cli.sections import Command, Option
from w2v.config import (
    DEFAULT_VECTORS,
    LARGEST,
    PYTHON_TOKENIZER,
    TextConfig,
    TrainConfig,
    check_value,
    option_name,
    value_type,
)
from w2v.config_file import read_config
from w2v.errors import ConfigError
from w2v.option_names import nearest

# Where a value comes from, weakest first: used where two options exclude each other.
PRECEDENCE = [
    ParameterSource.DEFAULT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.ENVIRONMENT,
    ParameterSource.COMMANDLINE,
]

CONFIG_PATH = "w2v.config"
"""Where a command finds the name of its configuration file in the context's `meta`."""

debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    allow_from_autoenv=False,
    help="Show where an error comes from.",
)

model_option = click.option(
    "--model",
    "path",
    default=DEFAULT_VECTORS,
    envvar="W2V_MODEL",
    show_default=True,
    show_envvar=True,
    metavar="PATH",
    type=click.Path(),
    help="The vectors to ask.",
)

number_type = click.IntRange(1, int(LARGEST[int]))
"""How many of something: answers, words."""

top_option = click.option(
    "--top", default=5, show_default=True, type=number_type, help="How many answers."
)

restrict_option = click.option(
    "--restrict",
    type=number_type,
    metavar="N",
    help="Answer with the first N words only, which are the most frequent ones.",
)

gpu_option = click.option("--gpu", is_flag=True, help="Compute on the GPU, through CuPy.")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None:
        values = read_config(path)
        if isinstance(values.get("corpus"), str):
            values["corpus"] = [values["corpus"]]
        context.default_map = values
        context.meta[CONFIG_PATH] = path


config_option = click.option(
    "--config",
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    metavar="FILE",
    help="Take options from a TOML file; the command line and the environment come first.",
)


def threads_option(help: str) -> Callable:
    """`--threads` of a command that trains nothing, with the limits that it has in training."""
    field = TrainConfig.__dataclass_fields__["threads"]

    def check(context: click.Context, _: click.Parameter, threads: int | None) -> int | None:
        check_value(field, threads)
        return threads

    return click.option("--threads", type=int, callback=check, help=help)


def config_options(
    config: type[TextConfig],
    without: Container[str] = (),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Callable:
    """Give a command an option for each field of `config`: its default, help and limits.

    without: fields that get no option. defaults: of this command, where they are not the field's.
    """

    def add(command):
        for field in reversed(dataclasses.fields(config)):
            if field.name in without:
                continue
            kind, choices = value_type(field), field.metadata["choices"]
            name = option_name(field.name)
            names = [f"{name}/--no-{name[2:]}" if kind is bool else name, field.name]
            if field.name == "output":
                names.insert(0, "-o")
            more_names = ["W2V_DATA_DIR"] if field.name == "data_dir" else []
            command = click.option(
                *names,
                cls=Option,
                section=field.metadata["section"],
                default=defaults.get(field.name, field.default),
                show_default=True,
                type=click.Choice(choices) if choices else kind,
                help=field.metadata["help"],
                hidden=field.metadata["hidden"],
                envvar=[f"W2V_TRAIN_{field.name.upper()}", *more_names],
            )(command)
        return command

    return add


class GpuCommand(Command):
    """A command whose flag `--gpu` may be followed by the number of a device."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn `--gpu 1` and `--gpu=1` into `--gpu --device 1`."""
        end = args.index("--") if "--" in args else len(args)
        words = [
            part
            for word in args[:end]
            for part in (word.split("=", 1) if word.startswith("--gpu=") else [word])
        ]
        for place in range(len(words) - 1, 0, -1):
            if words[place - 1] == "--gpu" and words[place].isdecimal():
                words.insert(place, "--device")
        return super().parse_args(ctx, words + args[end:])


def _check_variables() -> None:
    """Raise ConfigError for a variable of the environment that stands for no option of train."""
    prefix, known = "W2V_TRAIN_", [*TrainConfig.__dataclass_fields__, "config", "corpus", "debug"]
    for variable in os.environ:
        name = variable.removeprefix(prefix).lower()
        if variable.startswith(prefix) and name not in known:
            raise ConfigError(f"{variable} stands for no option{nearest(name, known)}: unset it")


def given_options(context: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """The options that the user has set, wherever: the defaults are left to the library.

    Raises ConfigError for code that a configuration alone names.
    """
    _check_variables()
    sources = {name: context.get_parameter_source(name) for name in values}
    tokenizer = values.get("tokenizer") or ""
    of_file = sources.get("tokenizer") == ParameterSource.DEFAULT_MAP
    if of_file and tokenizer.startswith(PYTHON_TOKENIZER):
        raise ConfigError(
            "the configuration names a tokenizer that runs code: repeat it, "
            f"--tokenizer {tokenizer}"
        )
    return {name: values[name] for name in values if sources[name] != ParameterSource.DEFAULT}


def stronger_text(
    context: click.Context, corpus: tuple[str, ...], options: dict[str, Any]
) -> tuple[str, ...]:
    """The corpus, or nothing if `options` keep a data set from a stronger source.

    A corpus on the command line replaces the configuration's data set, and the other way round; two
    from the same source are both kept, to be refused. Raises ConfigError for an empty name, which
    would stand for this folder, and for stdin twice.
    """
    if "" in corpus:
        raise ConfigError("the name of a corpus is empty: give it one, or . for this folder")
    if corpus.count("-") > 1:
        raise ConfigError("stdin (-) is named twice, and can be read once: leave one out")
    if not corpus or options.get("dataset") is None:
        return corpus
    of_corpus, of_dataset = (
        PRECEDENCE.index(context.get_parameter_source(name) or ParameterSource.DEFAULT)
        for name in ("corpus", "dataset")
    )
    if of_corpus > of_dataset:
        del options["dataset"]
    return () if of_dataset > of_corpus else corpus


def stronger_engine(context: click.Context, options: dict[str, Any]) -> None:
    """Remove options of another engine that come from a weaker source than --engine.

    So `--engine fused` on the command line uses those options of a configuration that it has.
    """
    if (engine := options.get("engine")) is None:
        return

    def strength(name: str) -> int:
        return PRECEDENCE.index(context.get_parameter_source(name) or ParameterSource.DEFAULT)

    for field in dataclasses.fields(TrainConfig):
        is_others = field.metadata["engine"] not in (None, engine)
        if is_others and field.name in options and strength(field.name) < strength("engine"):
            del options[field.name]
