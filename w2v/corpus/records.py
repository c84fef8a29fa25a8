"""Text in tables: a column of Parquet, CSV, TSV or JSON lines, as lines of UTF-8."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import CorpusError
from w2v.files import open_regular
from w2v.unpacking import ENDINGS

if TYPE_CHECKING:
    import pyarrow

PARQUET_ROWS = 1 << 14  # rows read at a time
SHOWN = 20  # names of columns in an error
LONGEST_NAME = 40  # characters of each

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".ndjson": "json", ".json": "json"}
"""Which files of text are tables, by their endings, packed or not."""


def table_format(path: str) -> str | None:
    """The format of a file of text that is a table: "csv", "tsv", "json", or None."""
    name = Path(path)
    if name.suffix.lower() in ENDINGS:
        name = name.with_suffix("")
    return FORMATS.get(name.suffix.lower())


def parquet_rows(path: str, column: str) -> Iterator[bytes]:
    """The rows of a column of Parquet, each with a newline after it; null rows are left out.

    Raises CorpusError for a file without such a column, or that is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        open_regular(path).close()  # a pipe would be waited for, and cannot be read anyway
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            top = column if column in names else column.partition(".")[0]
            if top not in names:
                raise without_column(path, column, names)
            for batch in file.iter_batches(PARQUET_ROWS, columns=[top]):
                rest = [] if top == column else column.split(".")[1:]
                yield lines_of(batch.column(0), rest, f"{path}: column {column!r}")
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{path} is damaged, or not Parquet data: {reason(error)}") from error


def without_column(path: str, column: str, names: list[str]) -> CorpusError:
    """The error for a table without the column that was asked for."""
    shown = ", ".join(name[:LONGEST_NAME] for name in names[:SHOWN]) + (
        ", ..." if len(names) > SHOWN else ""
    )
    return CorpusError(f"{path} has no column {column!r}: pass --column with one of {shown}")


def reason(error: Exception) -> str:
    """What pyarrow or the system says, in a line."""
    return getattr(error, "strerror", None) or str(error).partition("\n")[0]


def lines_of(rows: "pyarrow.Array", inside: list[str], name: str) -> bytes:
    """The rows of a column as UTF-8, each with a newline after it; null rows are left out.

    inside: the names by which text is found in rows that are structs. A list of words is a line,
    and a list of lists or structs is several. name: what an error calls the column.
    """
    import pyarrow
    import pyarrow.compute as pc

    empty, newline = (pyarrow.scalar(text, pyarrow.large_string()) for text in ("", "\n"))
    strings = _strings_of(rows.drop_null(), inside, name).drop_null()
    text = _string_bytes(pc.binary_join_element_wise(strings, empty, newline))
    if b"\0" in text:
        raise CorpusError(f"{name} holds a NUL character: not plain text")
    return text


def _strings_of(rows: "pyarrow.Array", inside: list[str], name: str) -> "pyarrow.Array":
    """The text in rows of any type, as large strings."""
    import pyarrow.compute as pc
    from pyarrow import large_string, types

    kind = rows.type
    if types.is_dictionary(kind):
        return _strings_of(rows.dictionary_decode(), inside, name)
    if types.is_struct(kind):
        names = [field.name for field in kind]
        if not inside or inside[0] not in names:
            raise CorpusError(
                f"{name} holds structs: pass --column with what is in them after a dot, one of "
                f"{', '.join(names[:SHOWN])}"
            )
        return _strings_of(pc.struct_field(rows, inside[0]).drop_null(), inside[1:], name)
    if _is_list(kind):
        if inside or _is_list(kind.value_type) or types.is_struct(kind.value_type):
            return _strings_of(rows.flatten().drop_null(), inside, name)
        return _joined(rows, name)
    if inside or not (_is_text(kind) or types.is_null(kind)):
        raise CorpusError(f"{name} holds {kind}, not text (--column)")
    strings = rows.cast(large_string())
    strings.validate(full=True)  # that strings are UTF-8, which a table only says
    return strings


def _joined(lists: "pyarrow.Array", name: str) -> "pyarrow.Array":
    """Each list of words as a line; a null among the words is left out."""
    import numpy
    import pyarrow
    import pyarrow.compute as pc

    words = _strings_of(lists.flatten(), [], name)
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    stops = numpy.concatenate([[0], numpy.cumsum(lengths, dtype=numpy.int64)])
    whole = pyarrow.LargeListArray.from_arrays(stops, pc.fill_null(words, ""))
    return pc.binary_join(whole, pyarrow.scalar(" ", pyarrow.large_string()))


def _is_list(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_text(kind: "pyarrow.DataType") -> bool:
    """Whether a type is of strings; of bytes too, which a cast checks to be UTF-8."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return (
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _string_bytes(strings) -> bytes:
    """The bytes of a LargeStringArray, one string after the other."""
    import numpy

    _, offsets, data = strings.buffers()
    if data is None or len(strings) == 0:
        return b""
    ends = numpy.frombuffer(offsets, numpy.int64)[strings.offset :]
    return memoryview(data)[ends[0] : ends[len(strings)]].tobytes()
