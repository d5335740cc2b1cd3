"""A study's tower is checked before anything is computed: its family, its sizes, its widths."""

from pathlib import Path
from typing import Any

import pytest
from small_vision_models import save_small_model

from shallowsight.errors import ConfigurationError
from shallowsight.steps.resolve import resolve_study


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("towers")
    return {name: save_small_model(name, root / name) for name in ("convnext", "aimv2_vision_model", "deit")}


def resolved(folder: Path, *words: str) -> Any:
    return resolve_study("quick", [f"vision.tower={folder}", "language.max_length=300", *words])


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        pytest.param(
            "convnext",
            ["vision.image_size=64", "settings=1,2:mean"],
            r"^setting 1,2:mean: fusion 'mean' mixes layers of the widths 8, 16; use concat",
            id="widths",
        ),
        pytest.param(
            "aimv2_vision_model",
            ["vision.image_size=64", "settings=1"],
            r"^vision.image_size=64: .* takes the size of its training only; set vision.image_size=32",
            id="one size",
        ),
        pytest.param(
            "deit",
            ["vision.image_size=64", "settings=1", "vision.prefix_tokens=1"],
            r"^vision.prefix_tokens=1, but this 'deit' model has 2; leave vision.prefix_tokens out$",
            id="contradicted",
        ),
    ],
)
def test_refused(folders: dict[str, Path], name: str, words: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        resolved(folders[name], *words)


def test_stages_one_at_a_time(folders: dict[str, Path]) -> None:
    found = resolved(folders["convnext"], "vision.image_size=64", "settings=1 -1", "vision.patch=16")
    assert found.study.settings == ("1", "4")
    assert (found.tower.patch, found.tower.widths) == (16, (8, 16, 24, 32))


def test_stages_side_by_side(folders: dict[str, Path]) -> None:
    found = resolved(folders["convnext"], "vision.image_size=64", "settings=1,2,4:concat", "vision.patch=16")
    assert found.study.settings == ("1,2,4:concat",)
