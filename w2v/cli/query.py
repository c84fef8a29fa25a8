"""`w2v similar` and `w2v analogy`: questions to trained vectors."""

import json
from typing import Any

import click

from w2v.cli.options import debug_option, json_option, model_option, top_option


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@top_option
@model_option
@json_option
@debug_option
def similar(words: tuple[str, ...], top: int, path: str, as_json: bool) -> None:
    """The words nearest to each WORD, by cosine.

    \b
      w2v similar toyota
      w2v similar you year car --top 10 --model ptb.pkl
    """
    from w2v.vectors import load

    vectors = load(path)
    answers = [(word, vectors.similar(word, top)) for word in words]
    if as_json:
        _print_json([{"query": word, "similar": _scored(found)} for word, found in answers])
        return
    for word, found in answers:
        click.echo(f"[query] {word}")
        _print_table(found)


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("c")
@top_option
@click.option("--answer", metavar="D", help="Also say how near this word comes.")
@model_option
@json_option
@debug_option
def analogy(a: str, b: str, c: str, top: int, answer: str | None, path: str, as_json: bool) -> None:
    """A is to B as C is to ...: the words nearest to B - A + C.

    \b
      w2v analogy king man queen    # woman
      w2v analogy take took go --answer went
    """
    from w2v.vectors import load

    vectors = load(path)
    found = vectors.analogy(a, b, c, top)
    expected = [] if answer is None else [(answer, vectors.analogy_score(a, b, c, answer))]
    if as_json:
        content: dict[str, Any] = {"query": [a, b, c], "analogy": _scored(found)}
        if expected:
            content["answer"] = _scored(expected)[0]
        _print_json(content)
        return
    click.echo(f"[analogy] {a}:{b} = {c}:?")
    for word, score in expected:
        click.echo(f"==> {word}: {score:.4f}")
    _print_table(found)


def _scored(found: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"word": word, "score": score} for word, score in found]


def _print_json(content: Any) -> None:
    click.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _print_table(found: list[tuple[str, float]]) -> None:
    width = max((len(word) for word, _ in found), default=0)
    for word, score in found:
        click.echo(f"  {word:<{width}}  {score:.4f}")
