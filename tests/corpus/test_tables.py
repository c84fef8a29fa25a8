"""Text in tables: Parquet, CSV, TSV and JSON lines, by the column that holds it."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest
from corpus_cases import stream_of, write

from w2v.config import TextConfig
from w2v.corpus.blocks import text_blocks
from w2v.corpus.encoding import encode_files
from w2v.errors import CorpusError

ALL = TextConfig(min_count=1)
STREAM = ["a", "b", None, "c", ",", None, "d", None, "é", "f", None]


def read(path, column="text", **options):
    return stream_of(encode_files([path], TextConfig(min_count=1, column=column, **options)))


FILES = {
    "csv": 'id,text\n1,a b\n2,"c ,"\n3,\n4,d\n5,"é\u00a0f"\n',
    "tsv": "id\ttext\n1\ta b\n2\tc ,\n3\t\n4\td\n5\té f\n",
    "jsonl": "".join(
        json.dumps(row) + "\n"
        for row in [{"id": 1, "text": "a b"}, {"text": "c ,", "x": [{}]}, {"text": None}, {"id": 4},
                    {"id": 5, "text": "d"}, {"text": "é f"}]
    ) + "\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_table_of_text_is_read_by_its_column(tmp_path, kind):
    path = write(tmp_path / f"t.{kind}", FILES[kind])
    assert read(path) == STREAM
    assert read(write(tmp_path / f"p.{kind}.gz", gzip.compress(FILES[kind].encode()))) == STREAM
    assert read(write(tmp_path / f"bom.{kind}", "\ufeff" + FILES[kind])) == STREAM
    assert read(write(tmp_path / f"crlf.{kind}", FILES[kind].replace("\n", "\r\n"))) == STREAM
    wide = write(tmp_path / f"wide.{kind}", FILES[kind].encode("utf-16"))
    assert read(wide, encoding="utf-16") == STREAM
    with pytest.raises(
        CorpusError, match="has no column 'body': pass --column with one of id, text"
    ):
        read(path, "body")
    assert read(write(tmp_path / "d" / f"t.{kind}", FILES[kind]).parent) == STREAM


@pytest.mark.parametrize("kind", FILES)
def test_a_long_table_is_read_whole(tmp_path, kind):
    head, *rows = FILES[kind].splitlines(keepends=True)
    rows = [head, *rows] if kind == "jsonl" else rows
    body = "".join(row for row in rows if row.strip()) * 170_000
    path = write(tmp_path / f"t.{kind}", body if kind == "jsonl" else head + body)
    assert path.stat().st_size > 4_000_000
    assert len(read(path)) == len(STREAM) * 170_000


def test_a_quote_in_tsv_is_a_character_and_in_csv_holds_lines_together(tmp_path):
    tsv = write(tmp_path / "t.tsv", 'text\tn\n"a b\t1\nc" d\t2\n')
    assert read(tsv) == ['"a', "b", None, 'c"', "d", None]
    csv = write(tmp_path / "t.csv", 'n,text\n1,"a\nb ""c"""\n2,d\n')
    assert read(csv) == ["a", None, "b", '"c"', None, "d", None]


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("t.jsonl", '{"text": "a"}\n{"text": "b"\n', 'line 2, \'{"text": "b"\', is not one JSON'),
        ("t.jsonl", '{"text": "a"}\n["b"]\n', "line 2, '[\"b\"]', is not one JSON object"),
        ("t.jsonl", '{"text": "a"}\n{"text": 7}\n', "does not hold what the first ones do"),
        ("t.jsonl", '{"text": 7}\n', "column 'text' holds int64, not text"),
        ("t.jsonl", "just words\n", "line 1, 'just words', is not one JSON object; to read it as"),
        ("t.json", "[\n{}\n]\n", "line 1, '[', is not one JSON object"),
        ("t.jsonl", "[" * 100_000, "is not one JSON object"),
        ("t.jsonl", '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "is not one JSON object"),
        ("t.jsonl", '{"text": "a\\u0000b"}\n', "NUL character"),
        ("t.jsonl", b'{"text": "\xff"}\n', "invalid utf-8 at byte offset 10"),
        ("t.jsonl", '{"text": {"a": 1, "b": 2}}\n', "what is in them after a dot, one of a, b"),
        ("t.csv", "id,text\n1,a,b\n", "not CSV: CSV parse error: Expected 2 columns, got 3"),
        ("t.csv", 'text\n"' + "a b\n" * 5_000_000, "a row is longer than 16 MB, or a quote in it"),
        ("t.csv", "id;text\n1;a\n", "no column 'text': pass --column with one of id;text"),
        ("t.tsv", "1\ta b\n2\tc d\n", "no column 'text': pass --column with one of 1, a b"),
        ("t.csv", "\n", "no words in it"),
        ("t.csv", "", "no words in it"),
        ("t.jsonl", "", "no words in it"),
        ("t.jsonl", "{}\n", "has no column 'text'"),
    ],
)
def test_what_is_not_such_a_table_is_named(tmp_path, name, content, says):
    with pytest.raises(CorpusError) as refused:
        read(write(tmp_path / name, content))
    assert says in str(refused.value)


def test_json_under_a_plain_name_gets_a_warning(tmp_path):
    said = []
    path = write(tmp_path / "a.txt", FILES["jsonl"])
    list(text_blocks([str(path)], ALL, note=said.append))
    assert len(said) == 1 and "most lines are JSON" in said[0] and ".jsonl" in said[0]
    list(text_blocks([str(write(path, "plain\n{brace}\n"))], ALL, note=said.append))
    assert len(said) == 1


COLUMNS = {
    "dictionary": pyarrow.array(["a b", "c ,", None, "d", "é f"]).dictionary_encode(),
    "view": pyarrow.array(["a b", "c ,", None, "d", "é f"], pyarrow.large_string()),
    "binary": pyarrow.array([b"a b", b"c ,", None, b"d", "é f".encode()]),
    "list": pyarrow.array([["a", "b"], ["c", ","], None, [], ["d", None], ["é", "f"]]),
    "large list": pyarrow.array(
        [["a", "b"], ["c", None, ","], ["d"], ["é", "f"]],
        pyarrow.large_list(pyarrow.large_string()),
    ),
    "fixed list": pyarrow.array(
        [["a", "b"], ["c", ","], ["d", None], ["é", "f"]], pyarrow.list_(pyarrow.string(), 2)
    ),
    "list of dictionary": pyarrow.array(
        [["a", "b"], ["c", ","], ["d"], ["é", "f"]],
        pyarrow.list_(pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
    ),
    "list of sentences": pyarrow.array([[["a", "b"], ["c", ","]], None, [["d"]], [["é", "f"]]]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_parquet_columns_of_all_types_with_text(tmp_path, kind):
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": COLUMNS[kind]}), path)
    assert read(path) == STREAM
    struct = pyarrow.StructArray.from_arrays([COLUMNS[kind]], ["in"])
    pyarrow.parquet.write_table(pyarrow.table({"of": struct}), path)
    assert read(path, "of.in") == STREAM
    with pytest.raises(CorpusError, match=r"with what is in them after a dot, one of in"):
        read(path, "of")


def test_text_in_structs_and_lists_of_them(tmp_path):
    rows = [{"turns": [{"text": "a b", "n": 1}, {"text": "c ,"}]}, {"turns": None},
            {"turns": [{"text": "d"}, {"text": None}, {"text": "é f"}]}]  # fmt: skip
    jsonl = write(tmp_path / "t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    for path in (jsonl, tmp_path / "t.parquet"):
        assert read(path, "turns.text") == STREAM
    lists = write(tmp_path / "l.jsonl", '{"w": []}\n{"w": ["a", "b"]}\n{"w": ["c", null]}\n')
    assert read(lists, "w") == ["a", "b", None, "c", None]
    dotted = write(tmp_path / "d.jsonl", '{"a.b": "x", "a": {"b": "y"}}\n')
    assert read(dotted, "a.b") == ["x", None]


def test_parquet_under_any_name_is_read(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a b"]}), tmp_path / "t.txt")
    assert read(tmp_path / "t.txt") == ["a", "b", None]


def test_parquet_strings_that_are_not_utf8_are_refused(tmp_path):
    """A table only says that its strings are UTF-8."""
    offsets, text = pyarrow.py_buffer(b"\0\0\0\0\3\0\0\0\6\0\0\0"), pyarrow.py_buffer(b"a bc\xc3(")
    column = pyarrow.StringArray.from_buffers(2, offsets, text)
    path = str(tmp_path / "bad.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"text": column}), path)
    with pytest.raises(CorpusError, match=r"bad.parquet is damaged.*UTF8"):
        read(path)
