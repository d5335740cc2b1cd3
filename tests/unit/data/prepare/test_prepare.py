"""The data step on a small user's JSON: what it leaves."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from spoiling import Run, spoil

from shallowsight.data.prepare import training_images
from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.data.records import read_jsonl
from shallowsight.data.shards import Shards
from shallowsight.errors import DataRefused


def test_two_files_of_one_name(run: Run, files: Path) -> None:
    for name in ("train", "test"):
        (files / name).mkdir()
        (files / f"{name}.json").rename(files / name / "data.json")
    out = run(data__finetune=[str(files / "train/data.json")], data__test=[str(files / "test/data.json")])
    assert len(list(read_jsonl(out / "finetune.jsonl"))) == 11
    assert {q["id"].partition("#")[0] for q in read_jsonl(out / "questions.jsonl")} == {f"r{i}" for i in range(10, 14)}


def test_leaves_what_later_steps_read(prepared: Any) -> None:
    folder = prepared.folder
    train = list(read_jsonl(folder / "finetune.jsonl"))
    assert [r["id"] for r in train] == ["r0", "r1", "r2", "text only", *(f"r{i}" for i in range(3, 10))]
    assert train[0]["image"] == "files/0.png" and "image" not in train[3]
    assert list(read_jsonl(folder / "pretrain.jsonl")) == train, "no sources of its own: those of finetune"
    questions = list(read_jsonl(folder / "questions.jsonl"))
    assert [q["id"] for q in questions] == [f"r{i}#{n}" for i in range(10, 14) for n in range(2)]
    assert {q["image"] for q in questions} == {f"files/{i}.png" for i in range(10, 14)}
    assert (folder / "validation" / "files" / "validation.html").is_file()
    assert json.loads((folder / "data.json").read_text(encoding="utf-8")) == {
        "train_rows": 11,
        "pretrain_rows": 11,
        "held_out_rows": 0,
        "held_out_questions": 0,
        "test_rows": 4,
        "questions": 8,
        "images": 14,
        "quarantined": 0,
        "near_duplicates_of_test_images": 0,
        "sources": {"pretrain": ["files"], "finetune": ["files"], "test": ["files"]},
    }


def test_the_later_questions_of_a_file_are_asked_as_the_key_says(run: Run) -> None:
    first = ["Which colour?", "red"]
    for turns, earlier in ((None, [[], [first]]), ("in_context", [[], [first]]), ("alone", [[], []])):
        out = run(**({"data__turns": turns} if turns else {}))
        rows = [q for q in read_jsonl(out / "questions.jsonl") if q["image"] == "files/12.png"]
        assert [q["question"] for q in rows] == ["Which colour?", "Sure?"]
        assert [q[EARLIER_TURNS] for q in rows] == earlier


def test_questions_that_come_with_shallowsight_are_asked_alone(run: Run) -> None:
    out = run(data__test=["scenes"], data__scenes_test=2, benchmarks=["scenes_count"])
    rows = list(read_jsonl(out / "questions.jsonl"))
    assert len(rows) == 10 and all(q[EARLIER_TURNS] == [] for q in rows)


def test_pictures_are_the_users(prepared: Any) -> None:
    shards = Shards(prepared.folder)
    assert sorted(shards.keys()) == sorted(f"files/{i}.png" for i in range(14))
    for i in (0, 13):
        own = Image.open(prepared.files / "images" / f"{i}.png").convert("RGB")
        assert np.array_equal(np.asarray(shards.image(f"files/{i}.png")), np.asarray(own))


def test_the_tokenizer_learns_from_training_text_alone(prepared: Any, run: Run, files: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["conversations"][1]["value"] = "chartreuse " * 20

    spoil(files / "test.json", change)
    again = run()
    for name in ("tokenizer/tokenizer.json", "finetune.jsonl", "images-00000.tar", "images.jsonl", "images.npy"):
        assert (again / name).read_bytes() == (prepared.folder / name).read_bytes(), name
    assert (again / "questions.jsonl").read_bytes() != (prepared.folder / "questions.jsonl").read_bytes()


def test_what_was_done_to_rows_is_said(run: Run, files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0].update(image="gone.png")
        rows[1].update(image=[rows[1]["image"]])
        rows[2]["messages"] = [
            {"role": {"human": "user", "gpt": "assistant"}[turn["from"]], "content": turn["value"]}
            for turn in rows[2].pop("conversations")
        ]

    plain = [
        {k: v for k, v in row.items() if k != "conversations"}
        for row in read_jsonl(run(data__held_out=0) / "finetune.jsonl")
    ]
    spoil(files / "train.json", change)
    out = run(data__max_bad_share=0.1, data__held_out=0)
    verdicts = tmp_path / "verdicts" / "files"
    assert [record.getMessage() for record in caplog.records if record.name.endswith("prepare")] == [
        f"data gate, files: 2 of 15 rows converted: messages 1, image_list 1; examples: {verdicts}/validation.html",
        f"data gate, files: 1 of 15 rows put aside: image_missing 1; with causes: {verdicts}/quarantine.jsonl",
    ]
    found = list(read_jsonl(out / "finetune.jsonl"))
    assert [{k: v for k, v in row.items() if k != "conversations"} for row in found] == plain[1:]
    assert set(found[0]) == set(found[1]) >= {"conversations", "image"}, "in one form"
    with pytest.raises(DataRefused, match="image_is_a_list 1"):
        run(data__refuse_conversions=["image_list"])


def test_own_rules_are_for_own_files(run: Run, files: Path, tmp_path: Path) -> None:
    (rules := tmp_path / "rules.yaml").write_text(
        "expectations:\n- type: expect_column_values_to_not_match_regex\n"
        "  kwargs: {column: replies, regex: red, mostly: 0.5}\n  reason: red\n"
    )
    out = run(data__expectations=str(rules), data__finetune=[str(files / "train.json"), "easy-vqa"],
              data__easy_vqa_train=20)  # fmt: skip
    assert {row["reasons"][0] for row in read_jsonl(out / "validation" / "files" / "quarantine.jsonl")} == {"red"}
    assert (out / "validation" / "easy-vqa" / "quarantine.jsonl").read_bytes() == b""
    kept = [row for row in read_jsonl(out / "finetune.jsonl") if row.get("image", "").startswith("files")]
    assert kept and "red" not in json.dumps([turn for row in kept for turn in row["conversations"]])


@pytest.fixture
def captions(files: Path, tmp_path: Path) -> Path:
    """A pretraining file with a folder of its own, where other pictures have the same names."""
    folder = Path(shutil.copytree(files / "images", tmp_path / "captions" / "pictures"))
    for number in range(5):
        with Image.open(folder / f"{number}.png") as own:
            own.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"{number}.png")
    rows = json.loads((files / "train.json").read_text(encoding="utf-8"))
    kept = [row | {"id": f"caption {row['id']}"} for row in rows if row.get("image") in {f"{n}.png" for n in range(5)}]
    (tmp_path / "captions" / "captions.json").write_text(json.dumps(kept), encoding="utf-8")
    return tmp_path / "captions"


def own_folder(captions: Path) -> dict[str, Any]:
    return {
        "data__pretrain": [str(captions / "captions.json")],
        "data__pretrain_images": str(captions / "pictures"),
    }


def test_equal_names_in_two_folders_are_two_pictures(run: Run, files: Path, captions: Path) -> None:
    out = run(**own_folder(captions))
    pretrain, finetune = (list(read_jsonl(out / f"{use}.jsonl")) for use in ("pretrain", "finetune"))
    assert [row["image"] for row in pretrain] == [f"pretrain-files/{n}.png" for n in range(5)]
    assert {row["image"] for row in finetune if "image" in row} == {f"files/{n}.png" for n in range(10)}
    shards = Shards(out)
    assert len(shards) == 14 + 5
    for number in range(5):
        for key, folder in (("files", files / "images"), ("pretrain-files", captions / "pictures")):
            with Image.open(folder / f"{number}.png") as own:
                assert shards.image(f"{key}/{number}.png").tobytes() == own.convert("RGB").tobytes()
        here, there = (shards.image(f"{key}/{number}.png").tobytes() for key in ("files", "pretrain-files"))
        assert here != there
    summary = json.loads((out / "data.json").read_text(encoding="utf-8"))
    assert summary["sources"] == {"pretrain": ["pretrain-files"], "finetune": ["files"], "test": ["files"]}
    assert (summary["pretrain_rows"], summary["images"]) == (5, 19)
    assert {path.name for path in (out / "validation").iterdir()} == {"files", "pretrain-files"}
    seen = training_images(out)
    assert len(seen) == 15 and set(seen) <= set(shards.keys())


def test_a_bad_row_of_the_other_folder_is_put_aside(run: Run, captions: Path) -> None:
    (captions / "pictures" / "2.png").unlink()
    with pytest.raises(DataRefused, match="image_missing"):
        run(**own_folder(captions))
    out = run(**own_folder(captions), data__max_bad_share=0.3)
    assert [row["id"] for row in read_jsonl(out / "pretrain.jsonl")] == [f"caption r{n}" for n in (0, 1, 3, 4)]
    assert "files/2.png" in set(Shards(out).keys()), "the one of the same name is another"


@pytest.mark.slow
def test_a_leak_from_the_other_folder_counts(run: Run, files: Path, captions: Path) -> None:
    shutil.copy(files / "images" / "10.png", captions / "pictures" / "3.png")
    with pytest.raises(DataRefused, match="1 training picture is also in the test set"):
        run(**own_folder(captions))


def test_what_is_prepared_does_not_depend_on_benchmarks(run: Run, prepared: Any) -> None:
    """So that the cell's digest need not hold them."""
    again = run(benchmarks=["own:sure"])
    for file in (f for f in prepared.folder.rglob("*") if f.is_file() and "validation" not in f.parts):
        assert (again / file.relative_to(prepared.folder)).read_bytes() == file.read_bytes(), file
