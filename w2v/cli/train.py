"""`w2v train`."""

import dataclasses
from typing import Any

import click
from click.core import ParameterSource

from w2v.cli.options import debug_option
from w2v.config import TrainConfig, option_name, read_config, value_type

# How strongly a value is meant, from the weakest: used where two options exclude each other.
PRECEDENCE = [
    ParameterSource.DEFAULT,
    ParameterSource.DEFAULT_MAP,
    ParameterSource.ENVIRONMENT,
    ParameterSource.COMMANDLINE,
]


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None:
        context.default_map = read_config(path)


def _config_options(command):
    """An option for each field of TrainConfig, which has its default, help and limits."""
    for field in reversed(dataclasses.fields(TrainConfig)):
        kind, choices = value_type(field), field.metadata["choices"]
        name = option_name(field.name)
        names = [f"{name}/--no-{name[2:]}" if kind is bool else name, field.name]
        if field.name == "output":
            names.insert(0, "-o")
        command = click.option(
            *names,
            default=field.default,
            show_default=True,
            type=click.Choice(choices) if choices else kind,
            help=field.metadata["help"],
        )(command)
    return command


@click.command()
@click.argument("corpus", required=False)
@click.option(
    "--config",
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    metavar="FILE",
    help="Take options from a TOML file; the command line and the environment come first.",
)
@_config_options
@debug_option
@click.pass_context
def train(context: click.Context, corpus: str | None, **values: Any) -> None:
    """Train word vectors on CORPUS: text, .gz or .zst, one sentence per line, or - for stdin.

    Without CORPUS and --dataset, a small demo corpus is made and trained on, with defaults of its
    own.

    \b
      w2v train corpus.txt --dim 200 -o corpus.pkl
      zcat logs.gz | w2v train -
      w2v train --config configs/book-cbow.toml
    """
    from w2v.pipeline import run
    from w2v.training.progress import Reporter

    given = {name for name in values if context.get_parameter_source(name) != PRECEDENCE[0]}
    options = {name: values[name] for name in given}
    if corpus is not None and options.get("dataset") is not None:
        corpus = _stronger(context, corpus, options)
    options.setdefault("output", TrainConfig.output)
    reporter = Reporter()

    def say(line: str) -> None:
        reporter.heading = line  # shown once the training has begun: a refusal is the only line

    try:
        done = run(corpus, options, say, reporter)
    finally:
        reporter.close()
    speed = done.words / max(done.seconds, 1e-9)
    if done.interrupted:
        click.echo("interrupted: the vectors are saved as far as they are trained", err=True)
    click.echo(
        f"{options['output']}: {len(done.vectors):,} words of dim {done.vectors.matrix.shape[1]}; "
        f"trained {done.words:,} words in {done.seconds:.1f} s ({speed:,.0f} words/s)"
    )
    if done.interrupted:
        context.exit(130)


def _stronger(context: click.Context, corpus: str, options: dict[str, Any]) -> str | None:
    """A corpus on the command line beats the configuration's data set, and the other way round."""
    of_corpus, of_dataset = (
        PRECEDENCE.index(context.get_parameter_source(name) or PRECEDENCE[0])
        for name in ("corpus", "dataset")
    )
    if of_corpus > of_dataset:
        del options["dataset"]
    return None if of_dataset > of_corpus else corpus
