"""Every fault that is planted in good rows is found with its exact reasons, and no good row is."""

import json
import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from gate_outputs import quarantined
from good_rows import Row, Write, noise, row

from shallowsight.data.gate import gate as module
from shallowsight.data.gate.facts import facts_of, table_of
from shallowsight.data.gate.gate import gate
from shallowsight.data.gate.rules import broken_rules, rules

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
