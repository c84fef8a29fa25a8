"""`w2v train`."""

import shlex
import signal
import time
from pathlib import Path
from typing import Any

import click

from w2v.cli.options import (
    CONFIG_PATH,
    GpuCommand,
    config_option,
    config_options,
    debug_option,
    given_options,
    stronger_engine,
    stronger_text,
)
from w2v.config import DEFAULT_VECTORS, TrainConfig
from w2v.files import check_outputs


@click.command(cls=GpuCommand, short_help="Train word vectors on a text.")
@click.argument("corpus", nargs=-1, type=click.Path(allow_dash=True), metavar="[CORPUS]...")
@config_option
@config_options(TrainConfig, defaults={"output": DEFAULT_VECTORS})
@debug_option
@click.pass_context
def train(context: click.Context, corpus: tuple[str, ...], **values: Any) -> None:
    """Train word vectors on CORPUS: text with a sentence per line (packed or not), Parquet, a
    folder of such files, or - for stdin; several are read one after the other.

    Without CORPUS and --dataset, a small demo corpus is made and trained on, with defaults of its
    own.

    \b
      w2v train corpus.txt --dim 200 -o corpus.pkl
      w2v train news.zst books/ pages.parquet --column body
      zcat logs.gz | w2v train -
      w2v train --config configs/book-cbow.toml
      w2v train corpus.txt --tokenizer words --lowercase --stop-words english
      w2v train corpus.txt --run-dir run/
      w2v train --resume run/ --epochs 10
    """
    from w2v.training.progress import Reporter
    from w2v.training.run import run
    from w2v.training.run_folder import VECTORS
    from w2v.vectors.formats import files_of

    options = given_options(context, values)
    corpus = stronger_text(context, corpus, options)
    stronger_engine(context, options)
    if "run_dir" not in options and "resume" not in options:
        options["output"] = values["output"]
    if config_path := context.meta.get(CONFIG_PATH):
        outputs = files_of(options["output"]) if options.get("output") else []
        check_outputs(outputs, inputs=[config_path])

    reporter = Reporter()
    start = time.monotonic()
    try:
        done = run([Path(path) for path in corpus] or None, options, reporter)
    finally:
        reporter.close()
    seconds = [max(spent, 1e-9) for spent in (done.seconds, time.monotonic() - start)]
    in_training, in_all = (f"{done.words / spent:,.0f}" for spent in seconds)
    place = options.get("output") or str(done.folder and Path(done.folder, VECTORS))
    click.echo(
        f"{place}: {len(done.vectors):,} words of dim {done.vectors.matrix.shape[1]}; "
        f"trained {done.words:,} words in {done.seconds:.1f} s ({in_training} words/s in training, "
        f"{in_all} in all)" + (f"; {done.advice}" if done.advice else "")
    )
    if done.interrupted:
        click.echo(_interrupted(done.folder), err=True)
        context.exit(128 + (done.signal or signal.SIGINT))


def _interrupted(folder: Path | None) -> str:
    """The last line of a run that was ended."""
    if folder is None:
        return (
            "interrupted: the vectors are saved as far as they are trained; with --run-dir, a run "
            "can go on"
        )
    return f"interrupted: go on with w2v train --resume {shlex.quote(str(folder))}"
