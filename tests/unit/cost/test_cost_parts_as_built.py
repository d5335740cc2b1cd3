"""Pieces against every class that is listed in model/fusion/kinds.py and model/connector/kinds.py."""

from collections.abc import Mapping
from typing import Any

import pytest

from shallowsight.cost.parts.connectors import connector_pieces
from shallowsight.cost.parts.fusions import fusion_pieces
from shallowsight.cost.parts.pieces import Piece, parameters
from shallowsight.model.connector.kinds import CONNECTORS, build_connector
from shallowsight.model.fusion.kinds import FUSIONS
from shallowsight.study.connectors import Connector
from shallowsight.study.fusions import FUSIONS as KINDS
from shallowsight.study.fusions import Form, fused_tokens, fused_width
from shallowsight.study.layers import Layers

N, D, H = 64, 48, 64  # a square of 8 x 8
_WRITTEN = {Form.ONE: "3", Form.LIST: "2,3,5", Form.GROUPS: "1-2|3-4|5", Form.INSIDE: "2,3|5"}
_CONNECTORS = ("linear", "mlp2x_gelu", "mlp3x_gelu", *CONNECTORS, *(f"{k}@16" for k in CONNECTORS if k == "merger"))


@pytest.mark.parametrize("kind", _CONNECTORS)
@pytest.mark.parametrize("first", [True, False], ids=["behind the tower", "behind a fusion that learns"])
def test_connectors_as_torch_builds_them(kind: str, first: bool) -> None:
    import torch

    connector = Connector.parse(kind)
    pieces = connector_pieces(connector, N, D, H, first=first)
    with torch.device("meta"):
        built, vectors = build_connector(connector, N, D, H), torch.empty(1, N, D, requires_grad=not first)
    _same(pieces, built, vectors, needs_gradient=first)


@pytest.mark.parametrize("kind", FUSIONS)
def test_fusions_as_torch_builds_them(kind: str) -> None:
    import torch

    layers = Layers.parse(_WRITTEN[KINDS[kind].form])
    widths = dict.fromkeys(layers.read, D)
    with torch.device("meta"):
        built = FUSIONS[kind](kind, layers, widths)
        features: Mapping[int, Any] = {layer: torch.empty(1, N, D) for layer in layers.read}
        fused = built(features)
    assert fused.shape[1:] == (fused_tokens(layers, kind, N), fused_width(layers, kind, widths))
    _same(fusion_pieces(layers, kind, widths, N), built, features, needs_gradient=True)


def _same(pieces: tuple[Piece, ...], built: Any, given: Any, *, needs_gradient: bool) -> None:
    """Equal: sums of whole numbers, far below what a float holds exactly."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from shallowsight.train.efficiency import FORMULAS

    assert parameters(pieces) == sum(p.numel() for p in built.parameters())
    matrices = sorted(tuple(reversed(m.weight.shape)) for m in built.modules() if isinstance(m, torch.nn.Linear))
    assert sorted(piece.sides for piece in pieces if piece.sides) == matrices
    with FlopCounterMode(display=False, custom_mapping=FORMULAS) as counter:
        found = built(given)
        assert counter.get_total_flops() == sum(piece.forward for piece in pieces)
        if found.requires_grad:
            torch.autograd.backward(found.sum())
    assert counter.get_total_flops() == sum(piece.trained for piece in pieces)
    assert needs_gradient or given.grad is not None


@pytest.mark.parametrize("kind", ["mlp2x_gelu", *CONNECTORS])
def test_connectors_keep_as_much_as_autograd(kind: str) -> None:
    """Numbers, not bytes, within two fifths: kernels of single machines keep more or less."""
    import torch

    torch.manual_seed(0)
    built = build_connector(Connector.parse(kind), 64, 128, 256)
    kept = _kept(built, torch.randn(1, 64, 128))
    pieces = connector_pieces(Connector.parse(kind), 64, 128, 256, first=True)
    assert sum(piece.kept for piece in pieces) == pytest.approx(kept, rel=0.4)


@pytest.mark.parametrize("kind", FUSIONS)
def test_fusions_keep_as_much_as_autograd(kind: str) -> None:
    import torch

    torch.manual_seed(0)
    layers = Layers.parse(_WRITTEN[KINDS[kind].form])
    widths = dict.fromkeys(layers.read, 128)
    kept = _kept(FUSIONS[kind](kind, layers, widths), {layer: torch.randn(1, 64, 128) for layer in layers.read})
    assert sum(piece.kept for piece in fusion_pieces(layers, kind, widths, 64)) == pytest.approx(kept, rel=0.4)


def _kept(built: Any, given: Any) -> int:
    """The numbers that a forward pass keeps, each storage once."""
    import torch

    weights = {p.untyped_storage().data_ptr() for p in built.parameters()}
    found: dict[int, int] = {}
    alive = []

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            found[storage.data_ptr()] = storage.nbytes() // 4
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        built(given)
    return sum(found.values())
