"""The command line. Errors are caught here, once, and shown in one line.

Each group of commands has its own file, which imports what is slow to import inside its commands,
so that `w2v --help` answers at once.
"""

import itertools
import os
import signal
import sys
import traceback
import warnings
from contextlib import suppress
from typing import Any, NoReturn

import click

from w2v.cli.ask import ask
from w2v.cli.convert import convert
from w2v.cli.encode import encode, info
from w2v.cli.evaluate import evaluate
from w2v.cli.neighbours import neighbours_of
from w2v.cli.options import debug_option
from w2v.cli.query import analogy, odd_one_out, rank, similar, similarity, vector
from w2v.cli.sections import Group
from w2v.cli.train import train
from w2v.config import option_name
from w2v.errors import W2VError, W2VWarning
from w2v.option_names import meant
from w2v.signals import ending

WORD_COMMANDS = {"similar", "analogy", "similarity", "odd-one-out", "rank", "vector"}


@click.group(
    cls=Group,
    context_settings={
        "auto_envvar_prefix": "W2V",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    invoke_without_command=True,
)
@click.version_option(package_name="w2v", message="w2v %(version)s")
@debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Train word vectors on your own text, and ask them questions.

    \b
      w2v train corpus.txt          # without a corpus: a small demo
      w2v similar toyota
      w2v analogy king man queen    # king is to man as queen is to ...
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


cli.add_section("From text to vectors", (train, encode))
cli.add_section(
    "Questions",
    (similar, analogy, similarity, odd_one_out, rank, vector, neighbours_of, ask),
)
cli.add_section("Scores", (evaluate,))
cli.add_section("Files", (convert, info))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit. An error is one line on stderr; `--debug` shows where."""
    is_process = arguments is None
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_streams()
    try:
        with ending(is_last=is_process), warnings.catch_warnings():
            warnings.showwarning = _showing(warnings.showwarning)
            warnings.simplefilter("always", W2VWarning)
            code = cli.main(arguments, prog_name="w2v", standalone_mode=False) or 0
            sys.stdout.flush()
            sys.exit(code)
    except BrokenPipeError:  # the reader of our output, `head` for example, has seen enough
        _drop_stdout()
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort) as error:
        _complain("interrupted", 128 + getattr(error, "number", signal.SIGINT))
    except Exception as error:
        if "--debug" in itertools.takewhile(lambda word: word != "--", arguments):
            traceback.print_exception(error)
        _complain(*_describe(error))


def _showing(others: Any) -> Any:
    """What shows our warnings in a line, as errors are; `others` shows those of libraries."""

    def show(message: Warning, category: type[Warning], *place: Any) -> None:
        if issubclass(category, W2VWarning):
            print(f"w2v: warning: {message}", file=sys.stderr)
        else:
            others(message, category, *place)

    return show


def _open_streams() -> None:
    """Open what the shell has closed (`2>&-`) as nowhere.

    Python has None for it: `print` would put what is for stderr on stdout, and the next file that
    is opened, the vectors perhaps, would get the number that libraries write their messages to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def _drop_stdout() -> None:
    """Send what cannot be written any more to nowhere, lest Python try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str, exit_code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_stdout()
    with suppress(OSError):
        print("w2v: " + " ".join(message.split()), file=sys.stderr, flush=True)
    sys.exit(exit_code)


def _meant_options(error: click.NoSuchOption) -> list[str]:
    """The option of the command that another tool's name stands for, if there is one."""
    field = meant(error.option_name)
    names = [param.name for param in error.ctx.command.params] if error.ctx else []
    return [option_name(field)] if field is not None and field in names else []


def _describe(error: Exception) -> tuple[str, int]:
    """An error's message and exit code."""
    if isinstance(error, W2VError):
        return str(error), error.exit_code
    if isinstance(error, click.NoSuchOption):
        name = error.ctx.command.name if error.ctx else None
        hint = f" (see: w2v {name or ''} --help)"
        if name in WORD_COMMANDS:
            hint = f"; a word that begins with - comes after --: w2v {name} -- {error.option_name}"
        close = [name for name in error.possibilities or [] if name not in ("--help", "--version")]
        possible = [*_meant_options(error), *close]
        known = f" (did you mean {possible[0]}?)" if possible else hint
        return f"there is no option {error.option_name}{known}", error.exit_code
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "w2v"
        return f"{error.format_message()} (see: {command} --help)", error.exit_code
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if isinstance(error, OSError):
        return f"the system refuses: {error}", 1
    if isinstance(error, MemoryError):
        return f"out of memory ({error}): use a smaller --dim, --window or --max-vocab", 1
    return f"unexpected {type(error).__name__}: {error} (show where with --debug)", 1
