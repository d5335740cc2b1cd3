"""Which layers, widths and pictures each fusion takes, and what comes out of it: without torch."""

from typing import Any

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.study.connectors import Connector
from shallowsight.study.experiment import Experiment, Vision
from shallowsight.study.experiments import EXPERIMENTS
from shallowsight.study.fusions import (
    FUSIONS,
    Form,
    blocks_of,
    fused_tokens,
    fused_width,
    mmfuser_heads,
    require_form,
    require_widths,
)
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.layers import Layers
from shallowsight.study.legal import require_buildable
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting

LISTS = [kind for kind, about in FUSIONS.items() if about.form is Form.LIST]
OF_SEVERAL = ("sti", "dci", "mmfuser")


@pytest.mark.parametrize("kind", LISTS)
def test_a_list(kind: str) -> None:
    require_form(Layers.parse("3,18,23"), kind)
    require_form(Layers.parse("9,9,9"), kind)  # a control
    with pytest.raises(ValueError, match=r"takes one layer or several, as in 3,18,23; got the groups 1,2\|5$"):
        require_form(Layers.parse("1,2|5"), kind)
    with pytest.raises(ValueError, match=r"is outside the language model: no layer enters its states; got 3>1,6>2$"):
        require_form(Layers.parse("3>1,6>2"), kind)


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_one_is_for_those_that_make_something_of_it(kind: str) -> None:
    if kind not in OF_SEVERAL:
        require_form(Layers.of(3), kind)
        return
    with pytest.raises(ValueError, match=f"fusion '{kind}' takes 2 layers or more, as in 3,18,23; got 3$"):
        Setting.parse(f"3:{kind}")
    require_form(Layers.of(3, 4), kind)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("3,4:single", "fusion 'single' takes one layer, got 3,4", id="one"),
        pytest.param("3,4:deepstack", "fusion 'deepstack' takes layers that enter the language model", id="inside"),
    ],
)
def test_other_forms_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Setting.parse(text)


def test_an_unknown_fusion_is_told_what_there_is() -> None:
    with pytest.raises(
        ValueError, match=r"no fusion 'mmfusor', did you mean 'mmfuser'\? choose from single, concat, mean, "
    ):
        Setting.parse("3,4:mmfusor")


@pytest.mark.parametrize(
    ("kind", "text", "blocks", "width", "tokens"),
    [
        ("concat", "3,18,23", ((3,), (18,), (23,)), 3072, 576),
        ("mean", "3,18,23", ((3, 18, 23),), 1024, 576),
        ("mean-concat", "1-2|23", ((1, 2), (23,)), 2048, 576),
        ("scalar-mix", "3,18,23", ((3, 18, 23),), 1024, 576),
        ("scalar-mix-norm", "3,18,23", ((3, 18, 23),), 1024, 576),
        ("concat-norm", "6,14,17,20,23", ((6,), (14,), (17,), (20,), (23,)), 5120, 576),
        ("sti", "7,15,23", ((23,),), 1024, 720),
        ("sci", "7,15,23", ((23,), (7,), (15,)), 3072, 576),
        ("dci", "1-5", ((5,), (1, 2), (3, 4, 5)), 3072, 576),
        ("mmfuser", "3,8,13,18,23", ((23,),), 1024, 576),
    ],
)
def test_what_comes_out_in_clip_l(
    kind: str, text: str, blocks: tuple[tuple[int, ...], ...], width: int, tokens: int
) -> None:
    layers = Layers.parse(text)
    assert blocks_of(layers, kind) == blocks
    assert fused_width(layers, kind, dict.fromkeys(layers.read, 1024)) == width
    assert fused_tokens(layers, kind, 576) == tokens


def test_sti_needs_eight_patches() -> None:
    assert [fused_tokens(Layers.of(1, 2, 3), "sti", patches) for patches in (8, 9, 16, 25)] == [10, 11, 20, 31]
    with pytest.raises(
        ValueError, match=r"sti averages 8 patch vectors, but a picture has 4: raise vision\.image_size"
    ):
        fused_tokens(Layers.of(1, 2), "sti", 4)


@pytest.mark.parametrize("kind", [kind for kind in LISTS if kind not in ("concat", "concat-norm", "sci")])
def test_layers_of_different_widths_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"fusion '{kind}' mixes layers of the widths 192, 384; use concat"):
        require_widths(Layers.of(1, 2, 3), kind, {1: 192, 2: 192, 3: 384})


@pytest.mark.parametrize("kind", ["concat", "concat-norm", "sci"])
def test_layers_of_different_widths_stand_side_by_side(kind: str) -> None:
    layers, widths = Layers.of(1, 2, 3), {1: 192, 2: 384, 3: 768}
    require_widths(layers, kind, widths)
    assert fused_width(layers, kind, widths) == 1344


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        pytest.param(1024, 16, id="CLIP-L: MMFuser's own"),
        pytest.param(384, 6, id="DINOv2-small"),
        pytest.param(768, 12, id="ViT-B"),
        pytest.param(1152, 18, id="SigLIP-so400m"),
        pytest.param(1408, 22, id="EVA-g"),
        pytest.param(192, 3, id="tiny"),
        pytest.param(32, 1, id="narrower than a head"),
        pytest.param(97, 1, id="a prime that is one head"),
        pytest.param(720, 12, id="heads of 60"),
        pytest.param(200, 4, id="heads of 50"),
    ],
)
def test_heads_of_mmfuser(width: int, heads: int) -> None:
    assert mmfuser_heads(width) == heads and width % heads == 0


@pytest.mark.parametrize("width", [997, 131, 2 * 499])
def test_a_width_that_does_not_divide_into_heads_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"into heads of 64, or of 32 to 128; {width} does not divide so: use another"):
        require_widths(Layers.of(1, 2), "mmfuser", {1: width, 2: width})
    require_widths(Layers.of(1, 2), "sti", {1: width, 2: width})


def experiment(**changes: Any) -> Experiment:
    return EXPERIMENTS["demo"].model_copy(update=changes)


def tower(width: int = 384) -> TowerFacts:
    return TowerFacts(name="t", family="clip", depth=12, width=width, patch=14, has_class_token=True, digest="0")


@pytest.mark.parametrize(
    ("text", "width", "message"),
    [
        pytest.param("3,8:mmfuser", 997, "997 does not divide so", id="heads"),
        pytest.param(
            "3,8:sti+c_abstractor", 384, "are no square of patches, but connector c_abstractor takes", id="no square"
        ),
    ],
)
def test_a_study_refuses_before_anything_runs(text: str, width: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"setting {text.partition('+')[0]}: .*{message}"):
        require_buildable(experiment(), Setting.parse(text), tower(width), language_layers=2)


@pytest.mark.parametrize("connector", ["avgpool_mlp", "merger@16", "resampler@9"])
def test_a_number_of_tokens_that_looks_like_a_square_is_none(connector: str) -> None:
    """36 patches and seven times four averages are 64 vectors, but no square of them."""
    base = experiment()
    setting = Setting(Layers.parse("1-8"), "sti", Connector.parse(connector))
    assert base.vision.image_size == 168 and base.vision.pool == 2, "36 patches"
    assert fused_tokens(setting.layers, "sti", 36) == 64
    with pytest.raises(ConfigurationError, match=r"setting 1-8:sti: the 64 vectors of fusion sti are no square"):
        image_tokens(base.at(setting, 0), tower())
    assert image_tokens(base.at(Setting(setting.layers, "sti", Connector(kind="linear")), 0), tower()) == 64


def test_too_small_a_picture_is_a_fault_of_the_configuration() -> None:
    base = experiment()
    small = base.model_copy(update={"vision": base.vision.model_copy(update={"image_size": 28, "pool": 1})})
    with pytest.raises(ConfigurationError, match="setting 3,8:sti: sti averages 8 patch vectors, but a picture has 4"):
        image_tokens(small.at(Setting.parse("3,8:sti"), 0), tower())


@pytest.mark.parametrize("kind", FUSIONS)
def test_a_class_token_is_no_part_of_a_square(kind: str) -> None:
    text = {Form.ONE: "4", Form.LIST: "1,3", Form.GROUPS: "1,2|3", Form.INSIDE: "1,3|4"}[FUSIONS[kind].form]
    base = experiment(vision=Vision(features="cls_patch"), connector=Connector(kind="linear"))
    found = base.at(Setting(Layers.parse(text), kind), 0)
    if FUSIONS[kind].grid:
        with pytest.raises(ConfigurationError, match=f"but fusion {kind} needs them as a square; use vision.features="):
            image_tokens(found, tower())
    else:
        assert image_tokens(found, tower()) == 37
    assert FUSIONS[kind].grid is (kind in ("sti", "mmfuser"))
