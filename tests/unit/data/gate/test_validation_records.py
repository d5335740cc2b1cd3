import json
from pathlib import Path

import pytest

from shallowsight.data.gate import records
from shallowsight.data.gate.records import RecordLimits, read_records
from shallowsight.errors import ConfigurationError


def read(path: Path, text: str | bytes, **limits: int) -> list[tuple[int, dict[str, object]]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_records(path, RecordLimits(**limits) if limits else None))


ROWS = [{"id": "1", "t": '\u00e9 \u732b [{]}\\"'}, {"id": "2", "deep": {"a": [1, 2.5, None]}}, {"id": "3"}]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_list(tmp_path: Path, indent: int | None, ascii_only: bool) -> None:
    found = read(tmp_path / "a.json", json.dumps(ROWS, indent=indent, ensure_ascii=ascii_only))
    assert found == list(enumerate(ROWS, start=1))


@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_list_split_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(records, "_CHUNK", chunk)
    assert [r for _, r in read(tmp_path / "a.json", json.dumps(ROWS, indent=1))] == ROWS


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    assert read(tmp_path / "a.jsonl", '\ufeff{"id": 1}\r\n\n{"id": 2}') == [(1, {"id": 1}), (3, {"id": 2})]


def test_empty_list(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", " [ ] ") == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("a.json", "", "it is empty", id="empty"),
        pytest.param("a.jsonl", "", "it is empty", id="empty lines"),
        pytest.param(
            "a.json", '{"id": 1}\n{"id": 2}', "an object, not a list.*rename it to .jsonl", id="lines as json"
        ),
        pytest.param("a.json", "<html>", "not a list", id="html"),
        pytest.param("a.json", '[{"id": 1}, 5]', "row 2 is no object", id="number"),
        pytest.param("a.json", '[{"id": 1}, ["x"]]', "row 2 is a list, not an object", id="list"),
        pytest.param("a.json", '[{"id": 1},]', "row 2 is nothing", id="trailing comma"),
        pytest.param("a.json", '[{"id": 1}', "does not end after row 1.*cut short", id="cut between rows"),
        pytest.param("a.json", '[{"id": 1}, {"id": "2', "not JSON after row 1", id="cut in a row"),
        pytest.param("a.json", '[{"id": 1} {"id": 2}]', "does not end after row 1", id="no comma"),
        pytest.param("a.json", '[{"id": 1}] []', "more text after the list", id="two lists"),
        pytest.param("a.json", '[{"id": NaN}]', "NaN is not a JSON number", id="nan"),
        pytest.param("a.json", '[{"id": 1e999}]', "1e999 is too large for a floating-point number", id="infinite"),
        pytest.param("a.json", '[{"id": ' + "9" * 5000 + "}]", "not JSON after row 0", id="huge integer"),
        pytest.param("a.json", '[{"id": ' + "[" * 100_000 + "]}]", "nested deeper", id="very deep"),
        pytest.param("a.jsonl", '{"a": ' + "[" * 20 + "]" * 20 + "}", "row 1 is nested deeper than 16", id="deep"),
        pytest.param("a.json", b'[{"id": "\xff"}]', "not UTF-8", id="latin"),
        pytest.param("a.jsonl", "[1]", "line 1 is list, not an object", id="line of list"),
        pytest.param("a.jsonl", '{"a": 1}\n{"a"', "not JSON after row 1", id="broken line"),
        pytest.param("a.csv", "id", "the name ends in '.csv'", id="suffix"),
    ],
)
def test_refuses(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        read(tmp_path / name, text)
    assert str(tmp_path / name) in str(caught.value)
    assert "Allowed:" in str(caught.value) and "To go on:" in str(caught.value)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_refuses_large_record(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_CHUNK", 32)
    text = json.dumps({"id": "x" * 200})
    with pytest.raises(ConfigurationError, match="longer than 100 characters"):
        read(tmp_path / name, f"[{text}]" if name == "a.json" else text, max_chars=100)


def test_refuses_what_git_lfs_has_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1234\n")
    with pytest.raises(
        ConfigurationError, match=r"a\.json.* is a pointer of git-lfs, not the file itself.*git lfs pull"
    ):
        list(read_records(tmp_path / "a.json"))


def test_refuses_absent_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file.*check the path"):
        list(read_records(tmp_path / "no.json"))
    (tmp_path / "d.json").mkdir()
    with pytest.raises(ConfigurationError, match="it is a folder"):
        list(read_records(tmp_path / "d.json"))
