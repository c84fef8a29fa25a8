"""`w2v ask`: questions at a prompt, or one a line from a pipe."""

import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from w2v.cli.answers import print_json, print_table, scored
from w2v.cli.options import debug_option, gpu_option, json_option, model_option, top_option
from w2v.cli.questions import Token, check_quotes, normalize_option, split_question, stdin_lines
from w2v.errors import ConfigError, W2VError

PROMPT = "w2v> "
HISTORY = 1000  # questions kept
SIGNS = {"+", "-"}


@click.command(short_help="Ask one question after the other.")
@top_option
@normalize_option
@model_option
@gpu_option
@json_option
@debug_option
@click.pass_context
def ask(context: click.Context, top: int, path: str, gpu: bool, as_json: bool) -> None:
    """Ask one question after the other; the vectors are read once.

    \b
      king                 the words nearest to king
      king queen           how near the two are
      king man queen       king is to man as queen is to ...
      king - man + woman   the words nearest to a sum
      "new york" paris     a word with spaces goes in double quotes

    Arrow keys bring back earlier questions, also those of earlier sessions. Ctrl-D or Ctrl-C ends.
    Questions can come from a pipe, one a line; with --json, an answer is one line too.

    \b
      w2v ask
      echo "king man queen" | w2v ask --json
    """
    from w2v.backend import device
    from w2v.vectors import load

    vectors = load(path)
    interactive = sys.stdin.isatty()
    questions = _at_a_prompt() if interactive else (line for _, line in stdin_lines())
    failed = False
    with device(gpu):
        for line in questions:
            try:
                answer = answer_question(vectors, line, top)
            except W2VError as error:
                failed = True
                answer = {"query": line, "error": str(error)}
            _show(answer, as_json)
    if failed and not interactive:
        context.exit(1)


def answer_question(vectors: Any, question: str, top: int) -> dict[str, Any]:
    """The answer as a dictionary with `query` and `similar`, `similarity` or `analogy`.

    Raises UnknownWordError, ConfigError for what is not a question.
    """
    tokens = split_question(question)
    check_quotes(tokens, vectors)
    if signed := signed_words(tokens, vectors):
        positive, negative = ([word for own, word in signed if own == sign] for sign in "+-")
        return {"query": question, "similar": vectors.most_similar(positive, negative, topn=top)}
    words = [token.text for token in tokens]
    if len(words) == 1:
        return {"query": question, "similar": vectors.similar(words[0], top)}
    if len(words) == 2:
        return {"query": question, "similarity": vectors.similarity(*words)}
    if len(words) == 3:
        return {"query": question, "analogy": vectors.analogy(*words, top)}
    raise ConfigError(
        "ask for one, two or three words, or put + or - between them; a word with spaces goes in "
        "double quotes"
    )


def signed_words(tokens: list[Token], known: Container[str]) -> list[tuple[str, str]]:
    """Words with their signs, from `a - b + c` or `a -b +c`; nothing where there is no sign.

    A sign is a token of its own, or begins a token that is not a known word; a single token that is
    known is a word whatever it begins with. Raises ConfigError for a sign without a word, or words
    without a sign between them.
    """
    if len(tokens) == 1 and tokens[0].text in known:
        return []
    parts: list[Token] = []
    for token in tokens:
        text = token.text
        split = text[0] in SIGNS and len(text) > 1 and text not in known and not token.is_quoted
        parts += [Token(text[0]), Token(text[1:])] if split else [token]
    if not any(map(_is_sign, parts)):
        return []
    if not _is_sign(parts[0]):
        parts.insert(0, Token("+"))
    pairs = list(zip(parts[::2], [*parts[1::2], Token("")], strict=False))
    if not all(_is_sign(sign) and word.text and not _is_sign(word) for sign, word in pairs):
        raise ConfigError("put one + or - before each word of a sum")
    return [(sign.text, word.text) for sign, word in pairs]


def _is_sign(token: Token) -> bool:
    return token.text in SIGNS and not token.is_quoted


def _show(answer: dict[str, Any], as_json: bool) -> None:
    found = answer.get("similar", answer.get("analogy"))
    if as_json:
        shown = {
            key: scored(value) if key in ("similar", "analogy") else value
            for key, value in answer.items()
        }
        print_json(shown, indent=None)
    elif "error" in answer:
        click.echo(f"w2v: {answer['error']}", err=True)
    elif found is None:
        click.echo(f"[similarity] {answer['query']}\n  {answer['similarity']:.4f}")
    else:
        click.echo(f"[{'analogy' if 'analogy' in answer else 'query'}] {answer['query']}")
        print_table(found)


def _at_a_prompt() -> Iterator[str]:
    with _history():
        while True:
            try:
                line = input(PROMPT)
            except (EOFError, KeyboardInterrupt):
                click.echo()
                return
            if line.strip():
                yield line.strip()


@contextmanager
def _history() -> Iterator[None]:
    """Editing of lines, with the questions of earlier sessions, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    from platformdirs import user_data_dir

    path = Path(user_data_dir("w2v"), "ask-history")
    with suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
