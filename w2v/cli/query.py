"""Single questions to word vectors: `w2v similar`, `analogy`, `similarity`, `odd-one-out`, `rank`
and `vector`.
"""

from typing import Any

import click

from w2v.cli.answers import print_json, print_table, scored
from w2v.cli.options import debug_option, gpu_option, json_option, model_option, top_option
from w2v.cli.questions import WORD, normalize_option, read_vectors, stdin_lines

STDIN = "-"


@click.command(short_help="The words nearest to words or vectors.")
@click.argument("words", nargs=-1, type=WORD, metavar="[WORD]...")
@click.option(
    "-p",
    "--positive",
    multiple=True,
    type=WORD,
    metavar="WORD",
    help="Be near this word; can be repeated.",
)
@click.option(
    "-n",
    "--negative",
    multiple=True,
    type=WORD,
    metavar="WORD",
    help="Be far from this word; likewise.",
)
@click.option("--cosmul", is_flag=True, help="Combine words by 3CosMul in place of 3CosAdd.")
@top_option
@normalize_option
@model_option
@gpu_option
@json_option
@debug_option
def similar(
    words: tuple[str, ...],
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    cosmul: bool,
    top: int,
    path: str,
    gpu: bool,
    as_json: bool,
) -> None:
    """The words nearest to each WORD, by cosine; or to all of --positive together, and far from
    --negative.

    With - for WORD, vectors are read from stdin, one a line: numbers between spaces or commas, with
    or without a name before them, as `w2v vector` writes them. A name may hold spaces and commas.

    \b
      w2v similar toyota
      w2v similar king queen --top 10 --json
      w2v similar --positive queen --positive man --negative king
      w2v vector king queen | w2v similar -
    """
    from w2v.backend import device
    from w2v.vectors import load

    together = bool(positive or negative)
    if together == bool(words):
        raise click.UsageError("name either WORDs, or words to combine by --positive, --negative")
    vectors = load(path)
    # what is shown for a question, what JSON says, and its positive and negative items
    questions: list[tuple[str, Any, list, list]] = []
    if together:
        content = {"positive": list(positive), "negative": list(negative)}
        shown = " ".join([*positive, *(f"- {word}" for word in negative)])
        questions.append((shown, content, list(positive), list(negative)))
    elif words == (STDIN,):
        for name, vector in read_vectors(stdin_lines(), vectors.vector_size, vectors):
            questions.append((name, name, [vector], []))
    else:
        questions.extend((word, word, [word], []) for word in words)
    find = vectors.most_similar_cosmul if cosmul else vectors.most_similar
    with device(gpu):
        answers = [(query, find(query[2], query[3], topn=top)) for query in questions]
    if as_json:
        print_json([{"query": query[1], "similar": scored(found)} for query, found in answers])
        return
    for query, found in answers:
        click.echo(f"[query] {query[0]}")
        print_table(found)


@click.command(short_help="A is to B as C is to ...")
@click.argument("a", type=WORD)
@click.argument("b", type=WORD)
@click.argument("c", type=WORD)
@top_option
@click.option("--answer", type=WORD, metavar="D", help="Also say how near this word comes.")
@click.option("--cosmul", is_flag=True, help="Combine words by 3CosMul in place of 3CosAdd.")
@normalize_option
@model_option
@gpu_option
@json_option
@debug_option
def analogy(
    a: str,
    b: str,
    c: str,
    top: int,
    answer: str | None,
    cosmul: bool,
    path: str,
    gpu: bool,
    as_json: bool,
) -> None:
    """A is to B as C is to ...: the words nearest to B - A + C.

    \b
      w2v analogy king man queen    # woman
      w2v analogy take took go --answer went
    """
    from w2v.backend import device
    from w2v.vectors import load

    vectors = load(path)
    with device(gpu):
        if cosmul:
            found = vectors.most_similar_cosmul([b, c], [a], topn=top)
        else:
            found = vectors.analogy(a, b, c, top)
    expected = [] if answer is None else [(answer, vectors.analogy_score(a, b, c, answer))]
    if as_json:
        content: dict[str, Any] = {"query": [a, b, c], "analogy": scored(found)}
        if expected:
            content["answer"] = scored(expected)[0]
        print_json(content)
        return
    click.echo(f"[analogy] {a}:{b} = {c}:?")
    for word, score in expected:
        click.echo(f"==> {word}: {score:.4f}")
    print_table(found)


@click.command(short_help="How near two words are.")
@click.argument("a", type=WORD)
@click.argument("b", type=WORD)
@normalize_option
@model_option
@json_option
@debug_option
def similarity(a: str, b: str, path: str, as_json: bool) -> None:
    """How near two words are: the cosine of A and B.

    \b
      w2v similarity king queen
    """
    from w2v.vectors import load

    score = load(path).similarity(a, b)
    if as_json:
        print_json({"words": [a, b], "score": score})
    else:
        click.echo(f"{score:.4f}")


@click.command("odd-one-out", short_help="The word that fits the others least.")
@click.argument("words", nargs=-1, required=True, type=WORD, metavar="WORD...")
@normalize_option
@model_option
@json_option
@debug_option
def odd_one_out(words: tuple[str, ...], path: str, as_json: bool) -> None:
    """The WORD that fits the others least: the one farthest from the mean of all.

    \b
      w2v odd-one-out king queen toyota prince
    """
    from w2v.vectors import load

    if len(words) < 3:
        raise click.UsageError("name at least three words")
    vectors = load(path)
    unknown = [word for word in words if word not in vectors]
    if len(words) - len(unknown) < 3:  # two words are equally far from their mean
        raise vectors.unknown(unknown[0])
    found = [(word, score) for score, word in vectors.rank_by_centrality(words)]
    if as_json:
        print_json({"odd": found[-1][0], "words": scored(found), "unknown": unknown})
        return
    click.echo(f"[odd one out] {found[-1][0]}")
    print_table(found)
    if unknown:
        click.echo(f"not in the vocabulary: {', '.join(unknown)}", err=True)


@click.command(short_help="The place of a word near another.")
@click.argument("a", type=WORD)
@click.argument("b", type=WORD)
@normalize_option
@model_option
@gpu_option
@json_option
@debug_option
def rank(a: str, b: str, path: str, gpu: bool, as_json: bool) -> None:
    """The place of B among the words nearest to A.

    \b
      w2v rank king queen
    """
    from w2v.backend import device
    from w2v.vectors import load

    vectors = load(path)
    with device(gpu):
        place = vectors.rank(a, b)
    others, score = len(vectors) - 1, vectors.similarity(a, b)
    if as_json:
        print_json({"words": [a, b], "rank": place, "of": others, "score": score})
    else:
        click.echo(f"{b} is number {place:,} of {others:,} near {a} ({score:.4f})")


@click.command(short_help="The numbers of a word.")
@click.argument("words", nargs=-1, required=True, type=WORD, metavar="WORD...")
@normalize_option
@model_option
@json_option
@debug_option
def vector(words: tuple[str, ...], path: str, as_json: bool) -> None:
    """The vector of each WORD: a line of the word and its numbers.

    \b
      w2v vector king
      w2v vector king queen --json
    """
    from w2v.vectors import load

    vectors = load(path)
    found = [(word, vectors[word]) for word in words]
    if as_json:
        print_json([{"word": word, "vector": numbers.tolist()} for word, numbers in found])
        return
    for word, numbers in found:
        click.echo(f"{word} {' '.join(map(str, numbers))}")
