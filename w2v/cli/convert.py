"""`w2v convert`: word vectors from one format into another."""

from functools import cached_property
from typing import Any

import click

from w2v.cli.options import debug_option, number_type


class FormatName(click.Choice):
    """The name of one of FORMATS, which are looked up at the first use: they import NumPy."""

    def __init__(self) -> None:
        self.case_sensitive = True  # all that Choice keeps besides the choices

    @cached_property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        from w2v.vectors.formats import FORMATS

        return tuple(known.name for known in FORMATS)


@click.command(short_help="Write vectors in another format.")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--from",
    "source_format",
    type=FormatName(),
    help="The format of IN, where its ending does not say it.",
)
@click.option(
    "--to",
    "target_format",
    type=FormatName(),
    help="The format of OUT, where its ending does not say it.",
)
@click.option("--limit", type=number_type, help="Only the first so many words of IN.")
@click.option("--no-header", is_flag=True, help="IN is text without the line `V H`, as GloVe's.")
@click.option(
    "--dim",
    type=click.IntRange(min=1),
    help="With --no-header: numbers in a vector, where that is not what most lines have.",
)
@click.option("--omit-header", is_flag=True, help="Write text without the line `V H`.")
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    help="Of the words of IN: latin-1, gb18030, cp949, ...; of a text also utf-16.",
)
@click.option(
    "--encoding-errors",
    type=click.Choice(("strict", "replace", "ignore")),
    default="strict",
    show_default=True,
    help="What to do with words of IN that are not valid in it; of words that become alike, the "
    "first stays.",
)
@click.option("--float16", is_flag=True, help="Halve safetensors or npz, and their precision.")
@debug_option
def convert(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    limit: int | None,
    no_header: bool,
    dim: int | None,
    omit_header: bool,
    encoding: str,
    encoding_errors: str,
    float16: bool,
) -> None:
    """Write the word vectors of IN to OUT, each in the format of its ending.

    \b
      .pkl            the book's pickle (float16)
      .bin            word2vec's binary: word2vec.c, gensim, GoogleNews
      .txt, .vec      word2vec's text: gensim, fastText, GloVe
      .safetensors    for keeping: mapped into memory, with counts and options
      .npz            NumPy's archive, with counts and options
      .tsv            for TensorBoard's Embedding Projector, beside NAME.meta.tsv

    .bin, .txt and .vec may be packed: .gz, .bz2, .xz or .zst comes after it. Files are known by
    what is in them too, and errors say which options read them.

    All but .pkl keep each number exactly. gensim reads .bin and .txt with load_word2vec_format.

    \b
      w2v convert GoogleNews-vectors-negative300.bin news.safetensors
      w2v convert glove.6B.100d.txt glove.bin --no-header --limit 100000
      w2v convert vectors.pkl vectors.tsv
    """
    from w2v.files import check_outputs
    from w2v.vectors import load, save
    from w2v.vectors.formats import check_output, files_of, find_format

    written = files_of(target, target_format)
    check_outputs(written, files_of(source, source_format))
    check_output(target, format=target_format)
    vectors = load(
        source,
        limit,
        format=source_format,
        header=not no_header,
        dim=dim,
        encoding=encoding,
        encoding_errors=encoding_errors,
    )
    options: dict[str, Any] = {"header": not omit_header, "float16": float16}
    save(vectors, target, format=target_format, **options)
    format = find_format(target, target_format)
    click.echo(
        f"{' and '.join(map(str, written))}: {len(vectors):,} words of dim "
        f"{vectors.matrix.shape[1]}; {format and format.title}"
    )
