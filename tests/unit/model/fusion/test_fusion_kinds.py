"""What holds for every fusion outside the language model."""

import pytest
import torch
from torch import Tensor

from shallowsight.model.fusion.fusion import Fusion
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.fusions import FUSIONS as KINDS
from shallowsight.study.fusions import Form, blocks_of, fused_tokens, fused_width
from shallowsight.study.layers import Layers

TEXTS = {Form.ONE: "4", Form.LIST: "1,3,4,6", Form.GROUPS: "1-3|4,5|6"}
WIDTH, PATCHES = 128, 16
# Those inside the language model are tested in tests/unit/model/injection.
OUTSIDE = [kind for kind in FUSIONS if KINDS[kind].form is not Form.INSIDE]
EACH = pytest.mark.parametrize("kind", OUTSIDE)
LEARNED = ("scalar-mix", "scalar-mix-norm", "concat-norm", "mmfuser")


def layers_for(kind: str) -> Layers:
    return Layers.parse(TEXTS[KINDS[kind].form])


def build(kind: str, width: int = WIDTH) -> Fusion:
    torch.manual_seed(0)
    layers = layers_for(kind)
    return FUSIONS[kind](kind, layers, dict.fromkeys(layers.read, width))


def features(layers: Layers, patches: int = PATCHES) -> dict[int, Tensor]:
    return {k: torch.randn(2, patches, WIDTH, generator=torch.Generator().manual_seed(k)) for k in layers.read}


@EACH
@pytest.mark.parametrize("patches", [9, 16, 25])
def test_shapes_are_those_of_the_table(kind: str, patches: int) -> None:
    layers, fusion = layers_for(kind), build(kind)
    width = fused_width(layers, kind, dict.fromkeys(layers.read, WIDTH))
    found = fusion(features(layers, patches))
    assert found.shape == (2, fused_tokens(layers, kind, patches), width) and fusion.out_dim == width


@EACH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(kind: str, dtype: torch.dtype) -> None:
    layers, fusion = layers_for(kind), build(kind)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    exact = fusion(features(layers))
    halved = {k: values.to(dtype).requires_grad_() for k, values in features(layers).items()}
    found = fusion.to(dtype)(halved)
    assert found.dtype is dtype
    found.sum().backward()
    assert all(values.grad is not None and values.grad.isfinite().all() for values in halved.values())
    # Numbers up to 5, each rounded by 0.4 % (bfloat16) in every one of some steps.
    torch.testing.assert_close(found.float(), exact, atol=0.1, rtol=0.05)


@pytest.mark.parametrize("kind", ["mean", "sum", "mean-concat", "dci", "scalar-mix"])
def test_in_bfloat16_a_result_is_rounded_once(kind: str) -> None:
    layers = Layers.parse("1-24")
    halved = {k: torch.randn(1, 4, 64, generator=torch.Generator().manual_seed(k)).bfloat16() for k in layers.read}
    fusion = FUSIONS[kind](kind, layers, dict.fromkeys(layers.read, 64))
    exact = fusion({k: values.double() for k, values in halved.items()})
    found = fusion.to(torch.bfloat16)(halved)
    assert found.dtype is torch.bfloat16
    # Half of the last of eight bits, and the roundings of 24 sums in float32.
    torch.testing.assert_close(found.double(), exact.double(), rtol=2**-8 + 1e-6, atol=1e-5)


@EACH
def test_only_the_layers_of_the_setting_are_read(kind: str) -> None:
    layers, fusion = layers_for(kind), build(kind)
    asked: set[int] = set()

    class Watched(dict[int, Tensor]):
        def __getitem__(self, layer: int) -> Tensor:
            asked.add(layer)
            return super().__getitem__(layer)

    fusion(Watched(features(layers)))
    assert asked == set(layers.read)


@EACH
def test_a_picture_is_fused_by_itself(kind: str) -> None:
    layers, fusion = layers_for(kind), build(kind)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
        together = fusion(features(layers))
        alone = fusion({k: values[1:] for k, values in features(layers).items()})
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-5)


@EACH
def test_what_folds_into_a_matrix_is_a_mean_times_a_number(kind: str) -> None:
    """`linear` of the table, and its blocks, against the class itself."""
    layers, fusion = layers_for(kind), build(kind)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter += 0.5 * torch.randn(parameter.shape)
    given = features(layers)
    means = torch.cat([torch.stack([given[k] for k in b]).mean(dim=0) for b in blocks_of(layers, kind)], dim=-1)
    found = fusion(given)
    folds = found.shape == means.shape and torch.allclose(found / found.norm(), means / means.norm(), atol=1e-6)
    assert folds is KINDS[kind].linear


@pytest.mark.parametrize("kind", LEARNED)
def test_every_parameter_learns(kind: str) -> None:
    layers, fusion = layers_for(kind), build(kind)
    with torch.no_grad():
        for parameter in fusion.parameters():  # away from MMFuser's zeros
            parameter += 0.1 * torch.randn(parameter.shape)
    (fusion(features(layers)) * torch.randn(2, PATCHES, fusion.out_dim)).sum().backward()
    gradients = {name: p.grad for name, p in fusion.named_parameters()}
    assert gradients and all(g is not None and g.isfinite().all() and g.any() for g in gradients.values())


def test_which_have_parameters() -> None:
    assert tuple(kind for kind in OUTSIDE if list(build(kind).parameters())) == LEARNED


def test_a_scalar_mix_starts_as_the_mean_and_has_a_parameter_more_than_layers() -> None:
    fusion, mean = build("scalar-mix"), build("mean")
    given = features(layers_for("mean"))
    torch.testing.assert_close(fusion(given), mean(given), atol=1e-6, rtol=0)
    assert sum(p.numel() for p in fusion.parameters()) == len(layers_for("mean").indices) + 1


def test_parameters_of_concat_norm_in_clip_l() -> None:
    layers = Layers.of(6, 14, 17, 20, 23)
    with torch.device("meta"):
        made = FUSIONS["concat-norm"]("concat-norm", layers, dict.fromkeys(layers.read, 1024))
    assert sum(p.numel() for p in made.parameters()) == 10_240


def test_concat_norm_takes_layers_of_different_widths() -> None:
    layers = Layers.of(1, 2)
    fusion = FUSIONS["concat-norm"]("concat-norm", layers, {1: 2, 2: 3})
    assert fusion({1: torch.zeros(1, 4, 2), 2: torch.ones(1, 4, 3)}).shape == (1, 4, 5) and fusion.out_dim == 5


def test_no_image_at_all_is_no_fault() -> None:
    """What a batch of text alone passes: zeros, whose gradient must be a number."""
    for kind in OUTSIDE:
        layers, fusion = layers_for(kind), build(kind)
        total = 0.0 * fusion({k: torch.zeros(1, PATCHES, WIDTH) for k in layers.read}).sum()
        assert total == 0
        if list(fusion.parameters()):
            total.backward()
            assert all(p.grad is not None and not p.grad.any() for p in fusion.parameters())
