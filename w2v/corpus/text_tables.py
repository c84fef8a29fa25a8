"""Text in tables that are text themselves: a column of CSV, TSV or JSON lines."""

import io
import json
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from w2v.corpus.records import lines_of, reason, table_format, without_column
from w2v.errors import CorpusError

if TYPE_CHECKING:
    import pyarrow

BLOCK = 1 << 24  # bytes of CSV read at a time, in which a row has to fit
LONGEST_LINE = 1 << 26  # bytes of a line of JSON
SHOWN = 40  # characters of a line in an error
_ADVICE = "; to read it as plain text, end its name in .txt"


def table_rows(blocks: Iterable[bytes], path: str, column: str) -> Iterator[bytes]:
    """The rows of a column of a CSV, TSV or JSON lines file, each with a newline after it.

    blocks: its text as UTF-8. Raises CorpusError for a table without the column, with the names of
    those that it has, and for rows that are not of the format.
    """
    is_json = table_format(path) == "json"
    return (_json_rows if is_json else _csv_rows)(blocks, path, column)


class _Stream(io.RawIOBase):
    """Blocks of bytes as a file; keeps the first one, which has the names of the columns.

    pyarrow reads ahead in a thread of its own, which `stop` waits for.
    """

    def __init__(self, blocks: Iterable[bytes]):
        self.lock = threading.Lock()
        self.blocks: Iterator[bytes] = filter(None, blocks)
        self.first = self.waiting = next(self.blocks, b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Some of the next bytes, none at the end alone."""
        with self.lock:
            data = self.waiting or next(self.blocks, b"")
            stop = len(data) if size < 0 else size
            self.waiting = data[stop:]
            return data[:stop]

    def stop(self) -> None:
        """End the file here: the blocks are not asked for any more."""
        with self.lock:
            self.blocks, self.waiting = iter(()), b""


def _csv_rows(blocks: Iterable[bytes], path: str, column: str) -> Iterator[bytes]:
    import pyarrow
    from pyarrow import csv

    is_tsv = table_format(path) == "tsv"
    # In TSV a quote is a character like others, as it is in text.
    parse = csv.ParseOptions(
        delimiter="\t" if is_tsv else ",",
        quote_char=False if is_tsv else '"',
        newlines_in_values=not is_tsv,
    )
    read = csv.ReadOptions(block_size=BLOCK)
    convert = csv.ConvertOptions(
        include_columns=[column],
        column_types={column: pyarrow.large_string()},
        strings_can_be_null=False,
    )
    stream = _Stream(blocks)
    if not stream.first.strip():
        return
    try:
        for batch in csv.open_csv(pyarrow.PythonFile(stream, "r"), read, parse, convert):
            yield lines_of(batch.column(0), [], f"{path}: column {column!r}")
    except pyarrow.ArrowKeyError as error:
        raise without_column(path, column, _names(stream.first, read, parse)) from error
    except pyarrow.ArrowException as error:
        name, said = "TSV" if is_tsv else "CSV", reason(error)
        if "straddling" in said:
            said = f"a row is longer than {BLOCK >> 20} MB, or a quote in it is not closed"
        raise CorpusError(f"{path} is damaged, or not {name}: {said}{_ADVICE}") from error
    finally:
        stream.stop()


def _names(first: bytes, read: Any, parse: Any) -> list[str]:
    """The names of the columns; none if the rows after them are damaged."""
    import pyarrow
    from pyarrow import csv

    try:
        return csv.open_csv(io.BytesIO(first), read, parse).schema.names
    except pyarrow.ArrowException:
        return []


def _json_rows(blocks: Iterable[bytes], path: str, column: str) -> Iterator[bytes]:
    keys: list[str] = []  # that lead to the text in a row, once a row has it
    schema = names = None
    line = 1  # of the chunk's first line
    for chunk in _whole_lines(blocks, path):
        for row in [] if keys else _rows(chunk, line, path):
            names = names or list(row)
            if (kind := _type_at(row, keys := _keys_for(row, column))) is not None:
                schema = kind
                break
            keys = []
        if schema is not None:
            rows = _read_json(chunk, schema, line, path)
            yield lines_of(rows, keys, f"{path}: column {column!r}")
        line += chunk.count(b"\n")
    if schema is None and names is not None:
        raise without_column(path, column, names)


def _whole_lines(blocks: Iterable[bytes], path: str) -> Iterator[bytes]:
    """The same bytes in pieces that end with a line."""
    waiting: list[bytes] = []
    length = 0
    for block in blocks:
        stop = block.rfind(b"\n") + 1
        if stop:
            yield b"".join([*waiting, block[:stop]])
            waiting, length = [], 0
        waiting.append(block[stop:])
        length += len(block) - stop
        if length > LONGEST_LINE:
            raise CorpusError(
                f"{path}: a line of more than {LONGEST_LINE >> 20} MB: write one JSON object a line"
                " (jq -c '.[]' makes them of an array)"
            )
    if length:
        yield b"".join(waiting)


def _rows(chunk: bytes, line: int, path: str) -> Iterator[dict[str, Any]]:
    """The rows of a chunk whose first line has the number `line`. Raises CorpusError."""
    for number, text in enumerate(chunk.split(b"\n"), line):
        if text.strip():
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise _not_json(path, number, text) from error
            if not isinstance(row, dict):
                raise _not_json(path, number, text)
            yield row


def _not_json(path: str, line: int, text: bytes) -> CorpusError:
    shown = text[:SHOWN].decode("utf-8", "replace")
    return CorpusError(f"{path}: line {line}, {shown!r}, is not one JSON object{_ADVICE}")


def _keys_for(row: dict[str, Any], column: str) -> list[str]:
    return [column] if column in row else column.split(".")


def _type_at(value: Any, keys: list[str]) -> "pyarrow.DataType | None":
    """The type of a value that has nothing in it but what the keys lead to; None for no value.

    >>> _type_at({"id": 7, "turns": [{"text": "a b", "n": 1}]}, ["turns", "text"])
    StructType(struct<turns: list<item: struct<text: string>>>)
    """
    import pyarrow

    if isinstance(value, list):
        types = (_type_at(element, keys) for element in value)
        inner = next((kind for kind in types if kind is not None), None)
        return inner and pyarrow.list_(inner)
    if not keys:
        return None if value is None else pyarrow.infer_type([value])
    inner = _type_at(value.get(keys[0]), keys[1:]) if isinstance(value, dict) else None
    return inner and pyarrow.struct([(keys[0], inner)])


def _read_json(chunk: bytes, kind: "pyarrow.StructType", line: int, path: str) -> "pyarrow.Array":
    """The rows of a chunk as structs of this type."""
    import pyarrow
    from pyarrow import json as arrow_json

    # Given the type, pyarrow does not take text for dates.
    parse = arrow_json.ParseOptions(
        explicit_schema=pyarrow.schema(list(kind)), unexpected_field_behavior="ignore"
    )
    read = arrow_json.ReadOptions(use_threads=False, block_size=len(chunk) + 1)
    try:
        table = arrow_json.read_json(io.BytesIO(chunk), read, parse)
    except pyarrow.ArrowException as error:
        for _ in _rows(chunk, line, path):
            pass  # it names the first line that is not JSON
        raise CorpusError(
            f"{path}: a line after line {line} does not hold what the first ones do: "
            f"{reason(error)} counted from there{_ADVICE}"
        ) from error
    return table.to_struct_array().combine_chunks()
