import json
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from good_rows import Row, noise, row

from shallowsight.data.gate import gate as module
from shallowsight.data.gate.facts import facts_of, table_of
from shallowsight.data.gate.gate import gate
from shallowsight.data.gate.rules import broken_rules, rules
from shallowsight.errors import ConfigurationError, DataRefused, MissingPackage, ShallowsightError

Write = Callable[..., Path]
Change = Callable[[Row], object]


def say(place: int, **change: object) -> Change:
    return lambda r: r["conversations"][place].update(change)


def talk(*roles: str) -> Change:
    def change(r: Row) -> None:
        r["conversations"] = [
            {"from": role, "value": ("<image>\n" if i == 0 else "") + f"text {i}"} for i, role in enumerate(roles)
        ]

    return change


def put(**values: object) -> Change:
    return lambda r: r.update(values)


# What is done to a good image row -> the exact reasons.
FAULTS: dict[str, tuple[Change, set[str]]] = {
    "id of another type": (put(id=[1]), {"missing_id"}),
    "image list": (put(image=["0.png", "1.png"]), {"several_images"}),
    "images beside the image": (put(images=["1.png"]), {"several_images"}),
    "image number": (put(image=7), {"image_is_not_text"}),
    "image missing": (put(image="gone.png"), {"image_missing"}),
    "image truncated": (put(image="cut.jpg"), {"image_unreadable"}),
    "a web page named jpg": (put(image="page.jpg"), {"image_wrong_format"}),
    "image too large": (put(image="large.bmp"), {"image_too_large"}),
    "image outside": (put(image="../images_evil/0.png"), {"image_escapes_folder"}),
    "image by link": (put(image="link.png"), {"image_escapes_folder"}),
    "no conversation": (lambda r: r.pop("conversations"), {"no_turns"}),
    "conversation is text": (put(conversations="hello"), {"no_turns"}),
    "conversation empty": (put(conversations=[]), {"no_turns"}),
    "turn is text": (lambda r: r["conversations"].__setitem__(2, "hello"), {"malformed_turn"}),
    "turn without value": (lambda r: r["conversations"][0].pop("value"), {"malformed_turn"}),
    "reply is null": (say(1, value=None), {"malformed_turn"}),
    "unknown role": (say(2, **{"from": "narrator"}), {"unknown_role"}),
    "roles in one": (say(2, **{"from": "human,gpt"}), {"unknown_role"}),
    "gpt first": (talk("gpt", "human"), {"first_turn_not_human", "image_token_count", "image_token_in_reply"}),
    "human twice": (talk("human", "human", "gpt", "human"), {"roles_not_alternating"}),
    "gpt twice": (talk("human", "gpt", "gpt", "human"), {"roles_not_alternating"}),
    "no last reply": (talk("human", "gpt", "human"), {"odd_number_of_turns"}),
    "no image token": (say(0, value="What?"), {"image_token_count"}),
    "two image tokens": (say(0, value="<image> <image>"), {"image_token_count"}),
    "an image token in each turn": (say(2, value="<image>\nAnd?"), {"image_token_count"}),
    "image token late": (
        lambda r: (say(0, value="Hi")(r), say(2, value="<image>\nAnd?")(r)),
        {"image_token_not_in_first_turn"},
    ),
    "image token in reply": (say(1, value="see <image>"), {"image_token_in_reply"}),
    "image token without image": (lambda r: r.pop("image"), {"image_token_in_text_row"}),
    "empty reply": (say(3, value=" \n"), {"empty_reply"}),
    "empty question": (say(2, value=""), {"empty_human_text"}),
    "too long": (say(3, value="long " * 200), {"text_too_long"}),
    "lone surrogate": (say(3, value="\ud83d"), {"broken_text"}),
    "two faults": (lambda r: (say(1, value="")(r), put(image="gone.png")(r)), {"image_missing", "empty_reply"}),
}
TIMES = 3


@pytest.fixture
def bad_images(images: Path) -> Path:
    noise(9, 64).save(jpeg := BytesIO(), "JPEG")
    (images / "cut.jpg").write_bytes(jpeg.getvalue()[:-100])
    (images / "page.jpg").write_bytes(b"<html>404</html>")
    (images / "large.bmp").write_bytes(b"BM" + bytes(300_000))
    (evil := images.parent / "images_evil").mkdir()
    noise(9).save(evil / "0.png")
    (images / "link.png").symlink_to(evil / "0.png")
    return images


def quarantined(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("seed", [0, 1])
def test_every_planted_fault_is_found_and_no_good_row_is(
    bad_images: Path, write: Write, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    names = ["0.png", "1.png", "sub/6.jpg", "7.webp", "8.bmp", None]
    planted: list[tuple[Row, set[str]]] = [(row(i, rng.choice(names)), set()) for i in range(200)]
    for number, (change, reasons) in enumerate(list(FAULTS.values()) * TIMES):
        change(bad := row(1000 + number, f"{number % 6}.png"))
        planted.append((bad, reasons))
    planted += [(row(5000), set()), (row(5001) | {"model": "", "extra": {"a": 1}, "id": 5001}, set())]
    rng.shuffle(planted)
    # Duplicates count within a file: these copies lie in the second one, like their originals.
    planted += [(json.loads(json.dumps(r)), {"duplicate"}) for r, reasons in planted if not reasons][-TIMES:]
    half = len(planted) // 2
    files = [write([r for r, _ in planted[:half]], "a.json"), write([r for r, _ in planted[half:]], "b.jsonl")]
    expected = [
        ("a.json" if i < half else "b.jsonl", i + 1 if i < half else i + 1 - half, r, reasons)
        for i, (r, reasons) in enumerate(planted)
    ]

    limits = module.ImageLimits(max_bytes=200_000, threads=2)
    report = gate(files, bad_images, tmp_path / "out", max_bad_share=0.9, max_chars=500, limits=limits)

    found = {(entry["file"], entry["row"]): entry for entry in quarantined(tmp_path / "out")}
    assert {place: set(entry["reasons"]) for place, entry in found.items()} == {
        (f, n): reasons for f, n, _, reasons in expected if reasons
    }
    assert all(found[f, n]["record"] == r for f, n, r, reasons in expected if reasons)
    kept = [json.loads(line) for path in report.good_files for line in path.read_text(encoding="utf-8").splitlines()]
    assert kept == [r | {"id": str(r["id"])} for _, _, r, reasons in expected if not reasons]
    assert report.rows == len(planted) and report.good == len(kept) and report.bad == len(found)
    assert report.reasons["image_missing"] == 2 * TIMES and report.reasons["duplicate"] == TIMES
    assert report.image_count == len({r["image"] for r in kept if "image" in r})
    assert list(report.good_files) == [tmp_path / "out" / "a.good.jsonl", tmp_path / "out" / "b.good.jsonl"]

    validation = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert {e["reason"]: e["unexpected"] for e in validation["expectations"] if e["unexpected"]} == report.reasons
    assert validation["verdict"] == "accepted"
    assert all(e["success"] == (not e["unexpected"]) for e in validation["expectations"])
    assert all(len(e["examples"]) == min(5, e["unexpected"]) for e in validation["expectations"])


def reasons_of(change: Change, **options: Any) -> set[str]:
    change(r := row(1))
    settings = {"allow_text_only": True, "max_chars": 500} | options
    table = table_of([facts_of(r, file="f", number=1, image_status="ok")])
    return {reason for reason, places in broken_rules(table, rules(**settings)).items() if places}


@pytest.mark.parametrize("role", ["system", "Human", "", "assistant"])
def test_unknown_first_role_has_one_reason(role: str) -> None:
    assert reasons_of(say(0, **{"from": role})) == {"unknown_role"}


def test_limits_are_inclusive() -> None:
    exact = sum(len(turn["value"]) for turn in row(1)["conversations"])
    assert not reasons_of(put(), max_chars=exact)
    assert reasons_of(put(), max_chars=exact - 1) == {"text_too_long"}


def test_image_token_alone_is_a_question() -> None:
    assert not reasons_of(say(0, value="<image>"))


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
    with pytest.raises(DataRefused, match=r"1 of 1 rows are bad \(1\); no good row is left.*To go on: mend the rows\."):
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
