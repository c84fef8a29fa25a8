"""Text in tables: the rows of a column of a Parquet file."""

from collections.abc import Iterator

from w2v.errors import CorpusError
from w2v.files import open_regular

PARQUET_ROWS = 1 << 14  # rows read at a time


def parquet_rows(path: str, column: str) -> Iterator[bytes]:
    """The rows of a column of strings, each with a newline after it; null rows are left out."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    empty, newline = (pyarrow.scalar(text, pyarrow.large_string()) for text in ("", "\n"))
    try:
        open_regular(path).close()  # a pipe would be waited for, and cannot be read anyway
        with pyarrow.parquet.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                raise CorpusError(
                    f"{path} has no column {column!r}: pass --column with one of "
                    f"{', '.join(file.schema_arrow.names)}"
                )
            kind = file.schema_arrow.field(column).type
            if kind not in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view()):
                raise CorpusError(f"{path}: column {column!r} holds {kind}, not text (--column)")
            for batch in file.iter_batches(PARQUET_ROWS, columns=[column]):
                rows = batch.column(0).drop_null().cast(pyarrow.large_string())
                lines = pyarrow.compute.binary_join_element_wise(rows, empty, newline)
                text = _string_bytes(lines)
                if b"\0" in text:
                    raise CorpusError(f"{path}: NUL character in column {column!r}: not plain text")
                yield text
    except (pyarrow.ArrowException, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise CorpusError(f"{path} is damaged, or not Parquet data: {reason}") from error


def _string_bytes(strings) -> bytes:
    """The bytes of a LargeStringArray, one string after the other."""
    import numpy

    _, offsets, data = strings.buffers()
    if data is None or len(strings) == 0:
        return b""
    ends = numpy.frombuffer(offsets, numpy.int64)[strings.offset :]
    return memoryview(data)[ends[0] : ends[len(strings)]].tobytes()
