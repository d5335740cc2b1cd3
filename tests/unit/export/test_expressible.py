"""What a stock LLaVA cannot express is said with the nearest that it can, before anything is loaded."""

import subprocess
import sys

import pytest

from shallowsight.export.can import CAN
from shallowsight.export.expressible import CONNECTORS, select_strategy, stock_values, why_not
from shallowsight.export.folding import FOLDINGS, stock_layers
from shallowsight.export.language_families import EXACT, why_not_language
from shallowsight.model.language.families import SUPPORTED
from shallowsight.study.experiment import Experiment
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.layers import Layers
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.words import resolve_settings


def tower(family: str = "dinov2") -> TowerFacts:
    has = family != "siglip"
    return TowerFacts(name="t", family=family, depth=12, width=8, patch=14, has_class_token=has, digest="x")


def demo(setting: str = "8", **vision: object) -> Experiment:
    """Of the embedded default, with raw features unless `vision` says something else."""
    base = EXPERIMENTS["demo"].at(Setting.parse(setting), 0)
    return base.model_copy(update={"vision": base.vision.model_copy(update={"normalize": False, "pool": 1, **vision})})


REFUSED = [
    pytest.param(demo(pool=2), "dinov2", ["vision.pool=2", "vision.pool=1", "vision.image_size=84"], id="pool"),
    pytest.param(
        demo("4,8", normalize=True), "dinov2", ["several layers", "vision.normalize=false, or one layer"], id="list"
    ),
    pytest.param(demo(normalize=True), "siglip", ["no class token", "vision.normalize=false"], id="siglip"),
    pytest.param(
        demo(normalize=True, features="cls_patch"),
        "clip",
        ["cls_patch", "drops the first token"],
        id="class token kept",
    ),
    pytest.param(demo(), "beit", ["'beit'", "a CLIP, SigLIP or DINOv2 model can"], id="tower"),
]


@pytest.mark.parametrize(("experiment", "family", "said"), REFUSED)
def test_refused_with_the_nearest(experiment: Experiment, family: str, said: list[str]) -> None:
    (reason,) = why_not(experiment, tower(family))
    assert all(words in reason for words in said), reason


def test_the_nearest_can() -> None:
    """What the reasons for the demo's own settings name is accepted."""
    assert len(why_not(EXPERIMENTS["demo"], tower())) == 1  # one layer: only the pooling
    assert not why_not(demo(image_size=84, normalize=True), tower())
    assert not why_not(demo("4,8", image_size=84), tower())


def test_every_setting_of_the_demo_for_export_can() -> None:
    study = STUDIES["demo-stock"]
    for setting in resolve_settings(study.settings, 12, ()):
        assert why_not(study.base.at(setting, 0), tower()) == ()


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.startswith("paper")])
def test_the_papers_settings_can(name: str) -> None:
    assert why_not(EXPERIMENTS[name], tower("clip")) == ()


def test_unknown_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fusion or connector that is new and has no entry yet."""
    monkeypatch.setattr("shallowsight.export.expressible.FOLDINGS", {"concat": FOLDINGS["concat"]})
    monkeypatch.setattr("shallowsight.export.expressible.CONNECTORS", ("linear",))
    fusion, connector = why_not(demo(), tower())
    assert fusion.startswith("fusion.kind=single: ") and "concat" in fusion
    assert connector.startswith("connector.kind=mlp2x_gelu: ")


def test_values_of_a_stock_model() -> None:
    assert stock_values(demo("4,8"), tower()) == {
        "class": "LlavaForConditionalGeneration",
        "vision_feature_layer": [4, 8],
        "vision_feature_select_strategy": "default",
    }
    assert stock_values(demo(normalize=True), tower())["class"] == "VipLlavaForConditionalGeneration"
    assert select_strategy(demo(), tower("siglip")) == "full"
    assert select_strategy(demo(features="cls_patch"), tower()) == "full"
    assert stock_layers("concat", Layers.of(9, 9)) == [9, 9]


def test_help_says_what_can() -> None:
    assert all(kind in CAN for kind in CONNECTORS)
    assert all(words in CAN for words in ("concat", "vision.pool=1", "vision.normalize=false", "SigLIP"))


def test_language_families() -> None:
    assert set(EXACT) <= set(SUPPORTED)
    assert why_not_language("llama") is None
    assert "'gemma2'" in str(why_not_language("gemma2"))


def test_no_torch_is_loaded() -> None:
    code = (
        "import sys, shallowsight.export.expressible as e; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
