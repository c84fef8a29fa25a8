"""Which files a text is: those named, those in folders, or stdin."""

import codecs
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from w2v.corpus.kinds import HEAD, PARQUET, is_vectors, not_text
from w2v.corpus.unpacking import byte_blocks
from w2v.errors import CorpusError

VECTORS = (".pkl", ".bin", ".bin.gz", ".safetensors", ".npz")
"""Endings of word vectors, which are not read as a text in a folder."""
NAMED = 100  # characters of a name that does not exist which an error repeats

Note = Callable[[str], None]
"""What is told, in a line, of what was skipped, found or not kept."""


def find_files(sources: Iterable[str | Path], note: Note) -> list[str]:
    """The files of the sources; a folder stands for the files in it and in its folders, sorted.

    Hidden files, files of word vectors, and files that hold NUL bytes or are known not to be text
    are skipped in a folder, which `note` is told in one line. "-" (stdin) stays as it is. Raises
    CorpusError for a source that does not exist, or a folder without a text.
    """
    files: list[str] = []
    for source in map(str, sources):
        if source != "-" and os.path.isdir(source):
            files += _files_in(Path(source), note)
        elif source != "-" and not os.path.exists(source):
            if len(source) > NAMED or "\n" in source:
                raise CorpusError(
                    f"there is no file {source[:NAMED]!r}: a text itself is passed as a list of "
                    "sentences, each a list of words"
                )
            raise CorpusError(f"{source}: there is no such file; check its name and folder")
        else:
            files.append(source)
    return files


def _files_in(folder: Path, note: Note) -> list[str]:
    found = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    texts = [path for path in found if _is_text(path, folder)]
    if len(texts) < len(found):
        skipped = sorted(set(found) - set(texts))
        names = ", ".join(str(path.relative_to(folder)) for path in skipped[:3])
        more = f" and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
        note(f"{folder}: skipped {names}{more} (hidden, not text, or vectors)")
    if not texts:
        raise CorpusError(f"{folder} is a directory without a text in it; name a text file")
    return [str(path) for path in texts]


def _is_text(path: Path, folder: Path) -> bool:
    if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
        return False
    if path.name.endswith(VECTORS) or _is_projector(path):
        return False
    try:
        with closing(byte_blocks(path)) as blocks:
            head = next(blocks, b"")[:HEAD]
    except CorpusError:
        return True  # reading it will say what is wrong
    if head.startswith((PARQUET, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return b"\0" not in head and not not_text(head) and not is_vectors(head)


def _is_projector(path: Path) -> bool:
    """Whether a file is of the pair NAME.tsv (vectors) and NAME.meta.tsv (words)."""
    name = str(path)
    if name.endswith(".meta.tsv"):
        return os.path.exists(name.removesuffix(".meta.tsv") + ".tsv")
    return name.endswith(".tsv") and os.path.exists(name.removesuffix(".tsv") + ".meta.tsv")


def describe(sources: Sequence[str | Path]) -> str:
    """What a message calls the sources: "a.txt", "stdin", "a.txt and 2 more"."""
    first = "stdin" if str(sources[0]) == "-" else str(sources[0])
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"
