"""`w2v evaluate`: how good word vectors are."""

from typing import Any

import click

from w2v.cli.answers import print_json
from w2v.cli.options import debug_option, gpu_option, json_option, number_type
from w2v.config import DEFAULT_VECTORS, SCORED_WORDS


@click.command(short_help="Score by analogies and word pairs.")
@click.argument(
    "path",
    metavar="[VECTORS]",
    default=DEFAULT_VECTORS,
    envvar="W2V_MODEL",
    type=click.Path(),
)
@click.option(
    "--analogies",
    multiple=True,
    type=click.Path(),
    metavar="FILE|NAME",
    help="Questions as in questions-words.txt of word2vec, or the set `google`; can be repeated.",
)
@click.option(
    "--pairs",
    multiple=True,
    type=click.Path(),
    metavar="FILE|NAME",
    help="Word pairs with ratings, or the set `wordsim353` or `simlex999`; can be repeated.",
)
@click.option("--cosmul", is_flag=True, help="Answer analogies by 3CosMul in place of 3CosAdd.")
@click.option(
    "--restrict",
    type=number_type,
    default=SCORED_WORDS,
    show_default=True,
    metavar="N",
    help="Analogies among the first N words, the most frequent ones; 30000 is common.",
)
@click.option("--case-sensitive", is_flag=True, help="Tell words apart that differ in case only.")
@click.option(
    "--dummy4unknown",
    is_flag=True,
    help="Count questions with unknown words as wrong, and pairs as of cosine 0.",
)
@click.option(
    "--data-dir",
    envvar="W2V_DATA_DIR",
    type=click.Path(),
    show_envvar=True,
    help="Folder with the sets that have a name, read instead of downloading.",
)
@gpu_option
@json_option
@debug_option
def evaluate(
    path: str,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    cosmul: bool,
    restrict: int,
    gpu: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Score VECTORS by analogies and by people's ratings of word pairs, as gensim does.

    In brackets is where a figure would lie in 95 % of the samples of as many questions or pairs.

    \b
      w2v evaluate vectors.pkl --analogies google --pairs wordsim353
      w2v evaluate --analogies questions-words.txt --restrict 30000 --cosmul --json
    """
    if not (analogies or pairs):
        raise click.UsageError("name what to score by: --analogies, --pairs, or both")
    from w2v.backend import device
    from w2v.vectors import load
    from w2v.vectors.evaluation import Analogies, Pairs, plain

    vectors = load(path)
    questions = [Analogies(source, vectors.words, restrict, **options) for source in analogies]
    judged = [Pairs(source, vectors.words, **options) for source in pairs]
    with device(gpu):
        answered = [test.score(vectors.matrix, cosmul) for test in questions]
    rated = [test.score(vectors.matrix) for test in judged]
    if as_json:
        print_json(
            {
                "vectors": path,
                "restrict": restrict,
                "analogies": [plain(scores) for scores in answered],
                "pairs": [plain(scores) for scores in rated],
            }
        )
        return
    for analogy_scores in answered:
        _print_analogies(analogy_scores, restrict)
    for pair_scores in rated:
        _print_pairs(pair_scores)


def _print_analogies(scores: Any, restrict: int) -> None:
    click.echo(f"[analogies] {scores.name}, {scores.method}, among {restrict:,} words")
    tallies = [*scores.sections, *scores.totals]
    width = max(len(tally.name) for tally in tallies)
    for tally in tallies:
        low, high = tally.interval
        share = f"{tally.share:6.1%}  ({low:.1%} to {high:.1%})" if tally.asked else "     -"
        click.echo(f"  {tally.name:<{width}}  {tally.right:>6,} of {tally.asked:>6,}  {share}")
    unknown = tallies[-1].unknown
    click.echo(f"  left out: {unknown:,} questions with words out of the vocabulary")


def _print_pairs(scores: Any) -> None:
    click.echo(f"[pairs] {scores.name}")
    for name in ("spearman", "pearson"):
        found = getattr(scores, name)
        low, high = found.interval
        click.echo(f"  {name:<8}  {found.coefficient:7.4f}  ({low:.4f} to {high:.4f})")
    click.echo(f"  {scores.pairs:,} pairs; {scores.unknown:,} have words out of the vocabulary")
