"""Files of word vectors: each format has a file here, and the ending of a name picks it.

| ending | format | keeps |
|---|---|---|
| .pkl, or none | the book's pickle | words, vectors in float16 |
| .bin | word2vec's binary | words without spaces and newlines, vectors |
| .txt, .vec | word2vec's text | words without newlines, vectors |
| .safetensors | arrays with a header, mapped into memory | all |
| .npz | NumPy's archive | all |
| .tsv | the Embedding Projector's two files | words without tabs and newlines, vectors, counts |

.bin, .txt and .vec may end in .gz, .bz2, .xz or .zst too. A format is read and written whole: a bad
file is an error that says where, and a file that stood there before is replaced only by one that is
complete.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2v.config import option_name
from w2v.encodings import check_encoding
from w2v.errors import ConfigError, ModelFileError, OutputError, W2VError
from w2v.unpacking import ENDINGS, Unpacked
from w2v.vectors.formats import (
    npz_format,
    pickle_format,
    projector_tsv,
    safetensors_format,
    word2vec_binary,
    word2vec_text,
)
from w2v.vectors.formats.files import Coding, PathName, opened, reason
from w2v.vectors.formats.kinds import HEAD, convert_line, kind_of, options_for
from w2v.vectors.formats.run_files import newest_of_run
from w2v.vectors.packed_words import Packed, pack
from w2v.vectors.word_vectors import WordVectors

__all__ = ["FORMATS", "Format", "check_output", "files_of", "find_format", "load", "save"]


@dataclass(frozen=True)
class Format:
    """A way to keep word vectors in a file.

    name: in `--from` and `--to`. title: in sentences. endings: of the files' names. reads, writes:
    the options that reading and writing take. packs: whether an ending of ENDINGS may follow its
    own. seeks: whether reading goes back and forth, which it cannot in a packed file. check_words:
    raises OutputError for words that have no place in it.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    read: Callable[..., WordVectors]
    write: Callable[..., None]
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    packs: bool = False
    seeks: bool = False
    check_words: Callable[[PathName, Packed], None] = lambda path, words: None


_HEADER, _BYTES, _HALF = {"header", "dim"}, {"encoding", "encoding_errors"}, frozenset({"float16"})

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
        (".bin",),
        word2vec_binary.read_binary,
        word2vec_binary.write_binary,
        reads=frozenset(_BYTES),
        packs=True,
        check_words=word2vec_binary.check_words,
    ),
    Format(
        "text",
        "word2vec text",
        (".txt", ".vec"),
        word2vec_text.read_text,
        word2vec_text.write_text,
        reads=frozenset(_HEADER | _BYTES),
        writes=frozenset({"header"}),
        packs=True,
        check_words=word2vec_text.check_words,
    ),
    Format(
        "safetensors",
        "safetensors",
        (".safetensors",),
        safetensors_format.read_safetensors,
        safetensors_format.write_safetensors,
        seeks=True,
        writes=_HALF,
    ),
    Format(
        "npz",
        "npz",
        (".npz",),
        npz_format.read_npz,
        npz_format.write_npz,
        seeks=True,
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

_DEFAULTS: dict[str, Any] = {
    "header": True,
    "dim": None,
    "encoding": "utf-8",
    "encoding_errors": "strict",
    "float16": False,
}
"""The options of some formats, which the others refuse unless they have these values."""


def find_format(path: PathName, name: str | None = None) -> Format | None:
    """The format of a name, or of a file's ending; None where that is not a format's."""
    suffixes = Path(str(path).lower()).suffixes
    packed = bool(suffixes) and suffixes[-1] in ENDINGS
    ending = "".join(suffixes[-2:-1] if packed else suffixes[-1:])
    for known in FORMATS:
        if known.name == name or (
            name is None and ending in known.endings and (known.packs or not packed)
        ):
            return known
    return None


def load(
    path: PathName,
    limit: int | None = None,
    *,
    format: str | None = None,
    header: bool = True,
    dim: int | None = None,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
) -> WordVectors:
    """Read word vectors, in the format of the file's ending, or the newest in a run's folder.

    A packed file is unpacked. limit: only the first so many words, the most frequent ones as a
    rule. format: the name of one of FORMATS, in place of the ending's. header: whether a text has
    the line `V H`. dim: H, for a text without that line, where it is not what most of the first
    lines have. encoding: of the words, and for UTF-16 of the text. encoding_errors: what to do with
    words that are not valid in it: "strict" raises; "replace" puts U+FFFD in place of bad bytes,
    and "ignore" nothing; of words that this makes alike, the first stays.

    A .safetensors file is mapped, not read: it may be replaced while the vectors are in use, as
    `save` does, but if it is made shorter in place the system ends this process. Raises
    ModelFileError, naming the file and the place in it, and ConfigError for options that the format
    does not have.
    """
    path = newest_of_run(path) if os.path.isdir(path) else path
    found = find_format(path, format)
    if found is None:
        raise _unknown(path, format)
    if limit is not None and limit < 0:
        raise ConfigError(f"--limit must be at least 0, not {limit}")
    if dim is not None and (header or dim < 1):
        raise ConfigError("--dim goes with --no-header, and is at least 1; a header names the dim")
    options = {
        "header": header,
        "dim": dim,
        "encoding": check_encoding(encoding),
        "encoding_errors": encoding_errors,
    }
    taken = _fitting(found, found.reads, options)
    if "encoding" in taken:
        taken["coding"] = Coding(taken.pop("encoding"), taken.pop("encoding_errors"))
    with _reading(path, found):
        _refuse_other_kinds(path, found)
        return found.read(path, limit, **taken)


@contextmanager
def _reading(path: PathName, found: Format) -> Iterator[None]:
    """Whatever goes wrong in a reader is a ModelFileError that names the file."""
    try:
        yield
    except (W2VError, Warning):
        raise
    except MemoryError as error:
        raise ModelFileError(
            f"{path}: there is not enough memory for its vectors: read the first ones with --limit"
        ) from error
    except Exception as error:  # the bytes of a damaged file can fail in any way
        raise ModelFileError(
            f"{path} is damaged, or not {found.title} ({type(error).__name__}: {reason(error)})"
        ) from error


def _refuse_other_kinds(path: PathName, found: Format) -> None:
    """Raise ModelFileError if the first bytes are those of a file that this format cannot be."""
    with opened(path) as file:
        head = file.peek(HEAD)  # type: ignore[attr-defined]
        if found.seeks and isinstance(file.raw, Unpacked):  # type: ignore[attr-defined]
            raise ModelFileError(
                f"{path} is packed, which {found.title} cannot be: unpack it first"
            )
    kind = kind_of(head)
    if kind is None:
        # The readers of word2vec's formats tell one another's files apart, and more surely.
        options = options_for(head) if found.seeks or found.name == "pickle" else None
        if options is not None:
            raise ModelFileError(
                f"{path} is not {found.title}: {convert_line(path, options)} reads it"
            )
        return
    if kind.format == found.name or (found.name == "npz" and kind.title == "a zip archive"):
        return
    remedy = kind.remedy or f"{convert_line(path, f'--from {kind.format}')} reads it"
    raise ModelFileError(f"{path} is {kind.title}, not {found.title}: {remedy}")


def _unknown(path: PathName, format: str | None) -> ModelFileError:
    """The error for a file whose ending is not a format's: it says what would read it."""
    if format is not None:
        names = ", ".join(known.name for known in FORMATS)
        return ModelFileError(f"there is no format {format!r} to read {path}: name one of {names}")
    if not Path(path).exists():
        return ModelFileError(f"cannot tell what {path} is: {_endings()}")
    with opened(path) as file:
        head = file.peek(HEAD)  # type: ignore[attr-defined]
    kind, options = kind_of(head), options_for(head)
    if options is not None:
        return ModelFileError(
            f"cannot tell what {path} is by its name; {convert_line(path, options)} reads it"
        )
    if kind is not None:
        return ModelFileError(f"{path} is {kind.title}: {kind.remedy}")
    return ModelFileError(f"cannot tell what {path} is: {_endings()}")


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
    return (
        f"its name has to end in one of {endings}; of these, .bin, .txt and .vec may be packed "
        f"({', '.join(ENDINGS)})"
    )
