"""What the gate leaves: good rows as they stand, bad ones put aside, a verdict, and refusals that say what to mend."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gate_outputs import quarantined
from good_rows import Write, row

from shallowsight.data.gate import gate as module
from shallowsight.data.gate.gate import gate
from shallowsight.errors import ConfigurationError, DataRefused, MissingPackage, ShallowsightError


def test_text_only_rows_can_be_forbidden(images: Path, write: Write, tmp_path: Path) -> None:
    file = write([row(1), row(2, None)])
    assert gate([file], images, tmp_path / "a", max_bad_share=0).good == 2
    report = gate([file], images, tmp_path / "b", max_bad_share=0.5, allow_text_only=False)
    assert report.reasons == {"text_only_row": 1}


def test_duplicates(images: Path, write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = row(2) | {"id": "r1"}
    rows = [row(1), row(1), other, row(1, "1.png"), row(1)]  # copies at 2 and 5; a new talk; another image
    report = gate([write(rows)], images, tmp_path / "a", max_bad_share=0.5)
    assert [entry["row"] for entry in quarantined(tmp_path / "a")] == [2, 5]
    assert report.reasons == {"duplicate": 2}
    notes = json.loads((tmp_path / "a" / "validation.json").read_text())["notes"]
    assert notes == {"id_again_same_image": 1, "id_again_other_image": 1}
    assert "id_again_other_image: 1 rows" in caplog.text
    gate([write(rows)], images, tmp_path / "b", max_bad_share=0.9, duplicates="pair")
    assert [entry["row"] for entry in quarantined(tmp_path / "b")] == [2, 3, 5]


def test_share_at_the_threshold_passes(images: Path, write: Write, tmp_path: Path) -> None:
    file = write([row(1), row(2), row(3), row(4, "gone.png")])
    assert gate([file], images, tmp_path / "a", max_bad_share=0.25).bad == 1
    with pytest.raises(DataRefused):
        gate([file], images, tmp_path / "b", max_bad_share=0.2499)


def test_refusal_says_everything_and_leaves_the_outputs(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [row(1), *(row(i, "gone.png") for i in range(2, 5)), row(9, "../x.png"), {"id": "<script>alert(1)</script>"}]
    out = tmp_path / "out"
    with pytest.raises(DataRefused) as caught:
        gate([write(rows)], images, out, max_bad_share=0.01)
    assert str(caught.value) == (
        "data refused: 5 of 6 rows are bad (0.833); allowed is a share of 0.01. "
        "Most frequent: image_missing 3 (for example 'r2'); image_escapes_folder 1 (for example 'r9'); "
        f"no_turns 1 (for example '<script>alert(1)</script>'). All of them, with reasons: {out}/quarantine.jsonl. "
        "To go on: mend the rows or raise data.max_bad_share (at least 0.834 here)."
    )
    assert caught.value.exit_status == 3
    assert len(quarantined(out)) == 5 and len((out / "data.good.jsonl").read_text().splitlines()) == 1
    assert json.loads((out / "validation.json").read_text())["verdict"] == "refused"
    page = (out / "validation.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "http://" not in page and "https://" not in page


def test_no_good_row_is_refused_whatever_the_share(images: Path, write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"1 of 1 row is bad \(1\); no good row is left.*To go on: mend the rows\."):
        gate([write([row(1, "gone.png")])], images, tmp_path / "a", max_bad_share=1)
    with pytest.raises(DataRefused, match="no rows at all"):
        gate([write([])], images, tmp_path / "b", max_bad_share=1)
    assert json.loads((tmp_path / "b" / "validation.json").read_text())["verdict"] == "refused"


def test_good_rows_are_kept_as_they_stand_and_input_untouched(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [row(1), row(2) | {"note": "\ud800"}, row(3) | {"id": 3, "note": "\ud800"}]
    file = write(rows, "data.jsonl")
    with file.open("a", encoding="utf-8") as end:
        end.write(json.dumps(row(4), ensure_ascii=False))
    before = file.read_bytes()
    (good,) = gate([file], images, tmp_path / "out", max_bad_share=0).good_files
    first, second, converted, last = good.read_bytes().splitlines()
    assert [first, second, last] == [before.splitlines()[place] for place in (0, 1, 3)]
    assert json.loads(converted) == rows[2] | {"id": "3"}
    assert file.read_bytes() == before


def test_a_record_over_several_lines_becomes_one(images: Path, tmp_path: Path) -> None:
    (file := tmp_path / "data.json").write_text(json.dumps([row(1), row(2)], indent=2), encoding="utf-8")
    (good,) = gate([file], images, tmp_path / "out", max_bad_share=0).good_files
    lines = good.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [row(1), row(2)] and "\u732b" in lines[0]


def test_runs_give_equal_bytes_no_noise_no_network(
    images: Path, write: Write, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a network connection"))
    file = write([row(1), row(2, "gone.png")])
    for name in "ab":
        gate([file], images, tmp_path / name, max_bad_share=1)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""


def test_refuses_arguments(images: Path, write: Write, tmp_path: Path) -> None:
    file, out = write([row(1)]), tmp_path / "out"
    with pytest.raises(ConfigurationError, match="no data file for the data gate"):
        gate([], images, out, max_bad_share=0)
    with pytest.raises(ConfigurationError, match="max_bad_share is 5; allowed"):
        gate([file], images, out, max_bad_share=5)
    with pytest.raises(ConfigurationError, match="would be overwritten"):
        gate([write([row(1)], "quarantine.jsonl")], images, tmp_path, max_bad_share=0)
    assert not out.exists()
    with pytest.raises(ConfigurationError, match=r"images folder .* no such folder, but data.json names pictures"):
        gate([file], tmp_path / "none", out, max_bad_share=0)
    assert not list(out.iterdir())


def test_files_of_one_name_are_kept_apart(images: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a/data.json", "b/data.json", "data-2.json", "c/data.jsonl")]
    texts = [[row(1)], [row(2), row(3), row(3)], [row(4)], [row(5)]]
    for file, rows in zip(files, texts, strict=True):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(rows) if file.suffix == ".json" else "".join(map(json.dumps, rows)))
    report = gate(files, images, tmp_path / "out", max_bad_share=0.5)
    assert [path.name for path in report.good_files] == [
        "data.good.jsonl", "data-3.good.jsonl", "data-2.good.jsonl", "data-4.good.jsonl",
    ]  # fmt: skip
    ids = [[json.loads(line)["id"] for line in path.read_text().splitlines()] for path in report.good_files]
    assert ids == [[r["id"] for r in rows] for rows in ([row(1)], [row(2), row(3)], [row(4)], [row(5)])]
    (line,) = report.quarantine.read_text().splitlines()
    assert (json.loads(line)["file"], json.loads(line)["row"]) == ("data.json (2)", 3)
    assert json.loads((tmp_path / "out" / "validation.json").read_text())["files"] == [
        {"name": "data.json", "rows": 1, "good": 1},
        {"name": "data.json (2)", "rows": 3, "good": 2},
        {"name": "data-2.json", "rows": 1, "good": 1},
        {"name": "data.jsonl", "rows": 1, "good": 1},
    ]


def test_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shallowsight.data.gate.suite.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"great-expectations.*shallowsight\[data\]"):
        gate([tmp_path / "a.json"], tmp_path, tmp_path, max_bad_share=0)


def test_disagreement_is_an_error(images: Path, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "broken_rules", lambda table, wanted: {"missing_id": [0]})
    with pytest.raises(ShallowsightError, match=r"disagree on missing_id in 1 rows, the first is data\.json row 1"):
        gate([write([row(1)])], images, tmp_path / "out", max_bad_share=1)


def test_importing_the_gate_is_light() -> None:
    code = "import sys, shallowsight.data.gate.gate, shallowsight.data.gate.leak as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "great_expectations", "pandas", "PIL", "jinja2"} & set(loaded)
