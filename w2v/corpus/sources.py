"""Which files a text is: those named, those in folders, or stdin."""

import codecs
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from w2v.errors import CorpusError

SNIFF = 1 << 13  # bytes of a file in a folder that show whether it is text

Note = Callable[[str], None]
"""What is told, in a line, of what was skipped, found or not kept."""


def find_files(sources: Iterable[str | Path], note: Note) -> list[str]:
    """The files of the sources; a folder stands for the files in it and in its folders, sorted.

    Hidden files, and files that hold NUL bytes and are neither compressed nor Parquet, are skipped,
    which `note` is told in one line. "-" (stdin) stays as it is. Raises CorpusError for a source
    that does not exist, or a folder without a text.
    """
    files: list[str] = []
    for source in map(str, sources):
        if source != "-" and os.path.isdir(source):
            files += _files_in(Path(source), note)
        elif source != "-" and not os.path.exists(source):
            raise CorpusError(f"{source}: there is no such file")
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
        note(f"{folder}: skipped {names}{more} (hidden, or not text)")
    if not texts:
        raise CorpusError(f"{folder} is a directory without a text in it; name a text file")
    return [str(path) for path in texts]


def _is_text(path: Path, folder: Path) -> bool:
    if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
        return False
    if path.suffix in (".gz", ".bz2", ".zst", ".parquet"):
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(SNIFF)
    except OSError:
        return True  # reading it will say what is wrong
    return b"\0" not in head or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def describe(sources: Sequence[str | Path]) -> str:
    """What a message calls the sources: "a.txt", "stdin", "a.txt and 2 more"."""
    first = "stdin" if str(sources[0]) == "-" else str(sources[0])
    return first if len(sources) == 1 else f"{first} and {len(sources) - 1} more"
