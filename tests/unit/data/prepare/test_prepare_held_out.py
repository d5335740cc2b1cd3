"""The data step sets records aside, on which no stage trains."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spoiling import Run
from tiny import write_pictures

from shallowsight.data.held_out import read_held_out
from shallowsight.data.prepare import training_images
from shallowsight.data.records import read_jsonl
from shallowsight.data.shards import Shards


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Forty pictures with a record each, a caption for each of them, and ten texts."""
    folder = tmp_path / "files"
    train, test = write_pictures(folder / "images", 40), write_pictures(folder / "images", 4, first=40)
    captions = [
        {
            "id": f"caption {row['id']}",
            "image": row["image"],
            "conversations": [
                {"from": "human", "value": "<image>"},
                {"from": "gpt", "value": f"aquamarine {row['id']}"},
            ],
        }
        for row in train
    ]
    talk = [{"from": "human", "value": "Say hello."}, {"from": "gpt", "value": "hello"}]
    texts = [{"id": f"text {i}", "conversations": talk} for i in range(10)]
    for name, rows in (("train", train + texts), ("captions", captions), ("test", test)):
        (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def ids(rows: Any) -> list[str]:
    return [row["id"] for row in rows]


def test_no_stage_trains_on_a_picture_that_is_held_out(run: Run, files: Path) -> None:
    out = run(data__held_out=0.2, data__pretrain=[str(files / "captions.json")])
    held_out, train = list(read_held_out(out)), list(read_jsonl(out / "finetune.jsonl"))
    assert len(held_out) == 10 and len(train) == 40
    assert {"text", "picture"} == {"picture" if "image" in row else "text" for row in held_out}
    shown = {row["image"] for row in held_out if "image" in row}
    for name in ("finetune", "pretrain"):
        assert not shown & {row.get("image") for row in read_jsonl(out / f"{name}.jsonl")}, name
    assert len(list(read_jsonl(out / "pretrain.jsonl"))) == 40 - len(shown)
    summary = json.loads((out / "data.json").read_text(encoding="utf-8"))
    asked = sum(len(row["conversations"]) // 2 for row in held_out)
    assert {key: summary[key] for key in ("train_rows", "pretrain_rows", "held_out_rows", "held_out_questions")} == {
        "train_rows": 40,
        "pretrain_rows": 40 - len(shown),
        "held_out_rows": 10,
        "held_out_questions": asked,
    }


def test_without_records_of_its_own_pretraining_trains_on_the_same(run: Run) -> None:
    out = run(data__held_out=0.2)
    assert (out / "pretrain.jsonl").read_bytes() == (out / "finetune.jsonl").read_bytes()


def test_held_out_records_are_whole_and_their_pictures_are_there(run: Run, files: Path) -> None:
    out = run(data__held_out=0.2)
    given = {row["id"]: row for row in json.loads((files / "train.json").read_text(encoding="utf-8"))}
    for row in read_held_out(out):
        own = given[row["id"]]
        assert row == own | ({"image": f"files/{own['image']}"} if "image" in own else {})
    pictures = set(Shards(out).keys())
    assert {row["image"] for row in read_held_out(out) if "image" in row} < pictures
    # The analysis looks at them too, so that it never lacks pictures because some are held out.
    assert sorted(training_images(out)) == sorted(f"files/{i}.png" for i in range(40))


def test_the_choice_does_not_follow_the_order_of_the_file(run: Run, files: Path) -> None:
    before = ids(read_held_out(run(data__held_out=0.2)))
    rows = json.loads((files / "train.json").read_text(encoding="utf-8"))
    (files / "train.json").write_text(json.dumps(rows[::-1]), encoding="utf-8")
    assert ids(read_held_out(run(data__held_out=0.2))) == before[::-1]


def test_switched_off(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    out = run(data__held_out=0)
    assert not list(read_held_out(out)) and len(list(read_jsonl(out / "finetune.jsonl"))) == 50
    assert "held_out" not in caplog.text


@pytest.mark.parametrize("change", [lambda rows: rows[:24], lambda rows: rows[:25]], ids=["24", "25"])
def test_too_few_records(run: Run, files: Path, caplog: pytest.LogCaptureFixture, change: Callable[..., Any]) -> None:
    rows = change(json.loads((files / "train.json").read_text(encoding="utf-8")))
    (files / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    out = run()
    some = len(rows) == 25
    assert len(list(read_held_out(out))) == some
    assert ("data.held_out=0.04: too few training records to hold some out" in caplog.text) == (not some)


def test_a_stage_keeps_records(run: Run, files: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All of pretraining shows a picture that would be held out."""
    held_out = next(row["image"] for row in read_held_out(run(data__held_out=0.2)) if "image" in row)
    captions = json.loads((files / "captions.json").read_text(encoding="utf-8"))
    only = [row for row in captions if f"files/{row['image']}" == held_out]
    (files / "captions.json").write_text(json.dumps(only), encoding="utf-8")
    out = run(data__held_out=0.2, data__pretrain=[str(files / "captions.json")])
    assert not list(read_held_out(out)) and len(list(read_jsonl(out / "pretrain.jsonl"))) == 1
    assert "too few training records" in caplog.text


def test_the_tokenizer_does_not_learn_from_them(run: Run, files: Path) -> None:
    """Changing the words of a held-out record changes nothing but its own file."""
    out = run(data__held_out=0.2)
    before = {p.name: p.read_bytes() for p in [*out.glob("*.jsonl"), out / "tokenizer" / "tokenizer.json"]}
    (name, *_) = ids(read_held_out(out))
    rows = json.loads((files / "train.json").read_text(encoding="utf-8"))
    next(row for row in rows if row["id"] == name)["conversations"][1]["value"] = "chartreuse " * 20
    (files / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    again = run(data__held_out=0.2)
    changed = {
        p.name
        for p in [*again.glob("*.jsonl"), again / "tokenizer" / "tokenizer.json"]
        if p.read_bytes() != before[p.name]
    }
    assert changed == {"held_out.jsonl"}


@pytest.mark.parametrize("share", [-0.1, 0.5, 1])
def test_a_share_that_is_refused(small: Callable[..., Any], share: float) -> None:
    with pytest.raises(ValueError, match="held_out"):
        small(data__held_out=share)
