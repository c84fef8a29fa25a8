"""Files of word vectors: each format has a file here, and the ending of a name picks it.

| ending | format | keeps |
|---|---|---|
| .pkl, or none | the book's pickle | words, vectors in float16 |
| .bin, .bin.gz | word2vec's binary | words without spaces and newlines, vectors |
| .txt, .vec, also with .gz | word2vec's text | words without newlines, vectors |
| .safetensors | arrays with a header, mapped into memory | all |
| .npz | NumPy's archive | all |
| .tsv | the Embedding Projector's two files | words without tabs and newlines, vectors, counts |

A format is read and written whole: a bad file is an error that says where, and a file that stood
there before is replaced only by one that is complete.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2v.config import option_name
from w2v.errors import ConfigError, ModelFileError, OutputError
from w2v.vectors.formats import (
    npz_format,
    pickle_format,
    projector_tsv,
    safetensors_format,
    word2vec_binary,
    word2vec_text,
)
from w2v.vectors.formats.files import PathName
from w2v.vectors.packed_words import Packed, pack
from w2v.vectors.word_vectors import WordVectors

__all__ = ["FORMATS", "Format", "check_output", "files_of", "find_format", "load", "save"]


@dataclass(frozen=True)
class Format:
    """A way to keep word vectors in a file.

    name: in `--from` and `--to`. title: in sentences. endings: of the files' names. reads, writes:
    the options that reading and writing take. check_words: raises OutputError for words that have
    no place in it.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    read: Callable[..., WordVectors]
    write: Callable[..., None]
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    check_words: Callable[[PathName, Packed], None] = lambda path, words: None


_TEXT_ENDINGS = (".txt", ".vec", ".txt.gz", ".vec.gz")
_HEADER, _BYTES, _HALF = {"header"}, {"encoding_errors"}, frozenset({"float16"})

FORMATS = (
    Format(
        "pickle",
        "the book's pickle, in float16",
        (".pkl", ".pickle", ""),
        pickle_format.read_pickle,
        pickle_format.write_pickle,
    ),
    Format(
        "binary",
        "word2vec binary",
        (".bin", ".bin.gz"),
        word2vec_binary.read_binary,
        word2vec_binary.write_binary,
        reads=frozenset(_BYTES),
        check_words=word2vec_binary.check_words,
    ),
    Format(
        "text",
        "word2vec text",
        _TEXT_ENDINGS,
        word2vec_text.read_text,
        word2vec_text.write_text,
        reads=frozenset(_HEADER | _BYTES),
        writes=frozenset(_HEADER),
        check_words=word2vec_text.check_words,
    ),
    Format(
        "safetensors",
        "safetensors",
        (".safetensors",),
        safetensors_format.read_safetensors,
        safetensors_format.write_safetensors,
        writes=_HALF,
    ),
    Format(
        "npz",
        "npz",
        (".npz",),
        npz_format.read_npz,
        npz_format.write_npz,
        writes=_HALF,
    ),
    Format(
        "tsv",
        "Embedding Projector TSV",
        (".tsv",),
        projector_tsv.read_tsv,
        projector_tsv.write_tsv,
        reads=frozenset(_BYTES),
        check_words=projector_tsv.check_words,
    ),
)

_DEFAULTS: dict[str, Any] = {"header": True, "encoding_errors": "strict", "float16": False}
"""The options of some formats, which the others refuse unless they have these values."""


def find_format(path: PathName, name: str | None = None) -> Format | None:
    """The format of a name, or of a file's ending; None where that is not a format's."""
    suffixes = Path(str(path).lower()).suffixes
    ending = "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])
    for known in FORMATS:
        if known.name == name or (name is None and ending in known.endings):
            return known
    return None


def load(
    path: PathName,
    limit: int | None = None,
    *,
    format: str | None = None,
    header: bool = True,
    encoding_errors: str = "strict",
) -> WordVectors:
    """Read word vectors, in the format of the file's ending, or the newest in a run's folder.

    limit: only the first so many words, the most frequent ones as a rule. format: the name of one
    of FORMATS, in place of the ending's. header: whether a text has the line `V H`.
    encoding_errors: what to do with words that are not valid UTF-8: "strict" raises; "replace" puts
    U+FFFD in place of bad bytes, and "ignore" nothing; of words that this makes alike, the first
    stays. Raises ModelFileError, naming the file and the place in it, and ConfigError for options
    that the format does not have.
    """
    path = _newest_of_run(path) if os.path.isdir(path) else path
    found = find_format(path, format)
    if found is None:
        raise ModelFileError(f"cannot tell what {path} is: {_endings()}")
    if limit is not None and limit < 0:
        raise ConfigError(f"--limit must be at least 0, not {limit}")
    options = {"header": header, "encoding_errors": encoding_errors}
    return found.read(path, limit, **_fitting(found, found.reads, options))


def save(
    vectors: WordVectors,
    path: PathName,
    *,
    format: str | None = None,
    header: bool = True,
    float16: bool = False,
) -> None:
    """Write word vectors in the format of the file's ending, whole or not at all.

    format: the name of one of FORMATS, in place of the ending's. header: whether a text gets the
    line `V H`. float16: halve the file, and the precision (safetensors and npz). Raises OutputError
    if they cannot be written, or have a word or number for which the format has no place.
    """
    found = _output_format(path, format)
    found.write(
        vectors, path, **_fitting(found, found.writes, {"header": header, "float16": float16})
    )


def _newest_of_run(folder: PathName) -> PathName:
    """The newest file of vectors in a run's folder: a checkpoint, or what it wrote at its end."""
    of_run = [*Path(folder).glob("checkpoint-*.safetensors"), Path(folder, "vectors.safetensors")]
    found = [path for path in of_run if path.is_file()]
    if not found:
        raise ModelFileError(
            f"{folder} is a folder without vectors: name a file, or the folder of a run that has a "
            "checkpoint"
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns)


def save_or_rescue(vectors: WordVectors, path: PathName) -> None:
    """As `save`; what took hours to train is put elsewhere if there is no place for it at `path`.

    Raises OutputError that says where it is.
    """
    try:
        save(vectors, path)
    except OutputError as error:
        place = _rescued(vectors)
        if place is None:
            raise
        raise OutputError(f"{error}; the vectors are in {place}") from error


def _rescued(vectors: WordVectors) -> Path | None:
    """Where the vectors have found a place."""
    for folder in (tempfile.gettempdir(), Path.home(), Path.cwd()):
        place = Path(folder, f"w2v-{os.getpid()}.safetensors")
        with suppress(OutputError):
            save(vectors, place)
            return place
    return None


def _output_format(path: PathName, name: str | None = None) -> Format:
    found = find_format(path, name)
    if found is None:
        raise OutputError(f"cannot write {path}: {_endings()}")
    return found


def files_of(path: PathName, format: str | None = None) -> list[Path]:
    """The files in which vectors of this name are."""
    found = find_format(path, format)
    paired = found is not None and found.name == "tsv"
    return [Path(path), *([projector_tsv.metadata_path(path)] if paired else [])]


def check_output(path: PathName, words: Sequence[str] = (), format: str | None = None) -> None:
    """Raise OutputError unless the ending of `path` names a format with a place for these words."""
    _output_format(path, format).check_words(path, pack(words))


def _fitting(found: Format, takes: frozenset[str], options: dict[str, Any]) -> dict[str, Any]:
    """The options that a format takes. Raises ConfigError if another one is given."""
    for name, value in options.items():
        if name not in takes and value != _DEFAULTS[name]:
            option = {"header": "--no-header or --omit-header"}.get(name, option_name(name))
            raise ConfigError(f"{option} has no meaning for the format {found.title}: leave it out")
    return {name: value for name, value in options.items() if name in takes}


def _endings() -> str:
    endings = ", ".join(ending for known in FORMATS for ending in known.endings if ending)
    return f"its name has to end in one of {endings}"
