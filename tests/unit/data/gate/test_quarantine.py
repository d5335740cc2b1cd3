"""What the quarantine says of a row: which rule, what was found, and why."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from good_rows import Row, Write, noise, row

from shallowsight.data.gate.gate import gate


def turn(place: int, **change: Any) -> Row:
    changed = row(2)
    changed["conversations"][place] |= change
    return changed


CASES = {
    "missing": (row(2, "gone.png"), "image_missing", "gone.png", "no image file 'gone.png'"),
    "truncated": (row(2, "sub/cut.jpg"), "image_unreadable", "sub/cut.jpg", "sub/cut.jpg: image file is truncated"),
    "a pointer of git-lfs": (row(2, "lfs.png"), "image_wrong_format", "lfs.png", "is a pointer of git-lfs, not the"),
    "another format": (row(2, "page.jpg"), "image_wrong_format", "page.jpg", "the content of page.jpg is none of PNG"),
    "outside": (row(2, "../x.png"), "image_escapes_folder", "../x.png", "is not a plain path inside the images folder"),
    "several": (row(2) | {"image": ["0.png", "1.png"]}, "several_images", ["0.png", "1.png"], None),
    "again": (row(1), "duplicate", 2, "the same as row 1"),
    "a role": (turn(2, **{"from": "narrator"}), "unknown_role", ["narrator"], None),
    "a turn": (turn(1, value=3), "malformed_turn", [{"from": "gpt", "value": 3}], None),
    "tokens": (turn(2, value="<image>"), "image_token_count", 2, None),
    "an id": (row(2) | {"id": ["a"]}, "missing_id", ["a"], None),
    "no turns": (row(2) | {"conversations": "hello"}, "no_turns", "hello", None),
    "long": (row(2) | {"conversations": "x" * 999}, "no_turns", f"{'x' * 200} ...", None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_says_what_was_found_and_why(images: Path, write: Write, tmp_path: Path, case: str) -> None:
    bad, reason, value, cause = CASES[case]
    noise(9, 64).save(jpeg := BytesIO(), "JPEG")
    (images / "sub" / "cut.jpg").write_bytes(jpeg.getvalue()[:-100])
    (images / "page.jpg").write_bytes(b"<html>404</html>")
    (images / "lfs.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1234\n")
    report = gate([write([row(1), bad])], images, tmp_path / "out", max_bad_share=1)
    (entry,) = map(json.loads, report.quarantine.read_text(encoding="utf-8").splitlines())
    assert (entry["file"], entry["row"], entry["record"]) == ("data.json", 2, bad)
    assert entry["reasons"] == [fault["reason"] for fault in entry["faults"]]
    fault = entry["faults"][entry["reasons"].index(reason)]
    assert list(fault["found"].values()) == [value]
    assert fault["rule"] and str(images) not in json.dumps(entry), "a cell's bytes hold no path"
    assert "cause" not in fault if cause is None else cause in fault["cause"]


def test_the_notice_says_how_many_rows_and_where(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [row(1), row(2, "gone.png"), row(3, "gone.png"), row(4)]
    rows[2]["conversations"][1]["value"] = ""
    report = gate([write(rows)], images, tmp_path / "out", max_bad_share=1)
    assert report.notices == (
        f"2 of 4 rows put aside: image_missing 2, empty_reply 1; with causes: {tmp_path}/out/quarantine.jsonl",
    )
    assert gate([write([row(1)])], images, tmp_path / "b", max_bad_share=1).notices == ()


def test_a_file_that_breaks_off_leaves_no_part_of_the_outputs(images: Path, tmp_path: Path) -> None:
    (file := tmp_path / "data.jsonl").write_text(json.dumps(row(1)) + "\n{")
    with pytest.raises(Exception, match="not JSON after row 1"):
        gate([file], images, tmp_path / "out", max_bad_share=1)
    assert list((tmp_path / "out").iterdir()) == []
