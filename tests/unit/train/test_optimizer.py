"""Which parameters Muon takes, and that the joined optimizers are torch's own, bit for bit."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_language_models import small_model
from torch import nn
from torch.optim._muon import _zeropower_via_newtonschulz

from shallowsight.model.connector.kinds import CONNECTORS, build_connector
from shallowsight.model.vlm import VLM
from shallowsight.study.connectors import Connector
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import Stage
from shallowsight.train.engine import VALUE, Engine
from shallowsight.train.muon import Muon, orthogonal
from shallowsight.train.optimizer import JoinedOptimizers, build_optimizer
from shallowsight.train.processes import join_processes


def stage(**changes: Any) -> Stage:
    plain = {"learning_rate": 1e-2, "global_batch": 4, "updates": 4, "zero": 0, "optimizer": "muon"}
    return Stage.model_validate(plain | changes)


def taken(model: nn.Module) -> set[str]:
    """The names of the parameters that Muon takes; every parameter is in one group, exactly once."""
    optimizer, ratios = build_optimizer(model, stage())
    assert len(ratios) == len(optimizer.param_groups)
    grouped = [p for group in optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(id(p) for p in model.parameters() if p.requires_grad)
    names = {p: name for name, p in model.named_parameters()}
    assert isinstance(optimizer, JoinedOptimizers)
    muons = [part for part in optimizer.parts if isinstance(part, Muon)]
    return {names[p] for muon in muons for group in muon.param_groups for p in group["params"]}


@pytest.fixture
def vlm(small: Callable[..., Experiment], facts: TowerFacts, tokenizer: Any) -> VLM:
    return VLM(small(connector__kind="mlp2x_gelu"), facts, tokenizer)


def test_muon_takes_the_matrices_of_layers_and_connector(vlm: VLM) -> None:
    layers = {f"self_attn.{part}_proj" for part in "qkvo"} | {f"mlp.{part}_proj" for part in ("gate", "up", "down")}
    expected = {f"language.model.layers.{layer}.{name}.weight" for layer in (0, 1) for name in layers}
    assert taken(vlm) == expected | {"connector.0.weight", "connector.2.weight"}


def test_what_is_frozen_belongs_to_nobody(vlm: VLM) -> None:
    vlm.language.requires_grad_(False)
    assert taken(vlm) == {"connector.0.weight", "connector.2.weight"}


# Of each connector: what only looks like a matrix. A depth-wise kernel is one filter of nine numbers for each channel,
# and neither mixes channels; positions and queries are looked up, as embeddings are.
NO_MATRICES = {
    "merger": set(),
    "avgpool_mlp": set(),
    "c_abstractor": {
        "positions",
        *(f"{part}.{block}.spread.weight" for part in ("before", "after") for block in range(3)),
    },
    "ldp": {"blocks.0.spread.weight", "blocks.1.spread.weight"},
    "ldpv2": {"spread.weight"},
    "resampler": {"queries"},
}


@pytest.mark.parametrize("kind", CONNECTORS)
def test_of_a_connector_muon_takes_what_mixes_channels(kind: str) -> None:
    with torch.device("meta"):
        connector = build_connector(Connector(kind=kind), 16, 8, 24)
    several_sides = {name for name, p in connector.named_parameters() if p.ndim > 1}
    assert several_sides > NO_MATRICES[kind] and taken(connector) == several_sides - NO_MATRICES[kind]


@pytest.mark.parametrize("kind", CONNECTORS)
def test_muon_teaches_a_connector(kind: str) -> None:
    torch.manual_seed(0)
    connector, x, losses = build_connector(Connector(kind=kind), 16, 8, 24), torch.randn(4, 16, 8), []
    goal = torch.randn_like(connector(x))
    engine = Engine(connector, stage(), join_processes(), 1)
    for _ in range(20):
        loss = (engine.forward(x) - goal).square().mean()
        engine.backward(loss)
        engine.step(1e-2)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.95 * losses[0], losses


ATTENTIONS = ("across_layers", "within")
LINEAR = tuple(f"{one}.{part}" for one in ATTENTIONS for part in ("offsets", "weights", "value", "output"))
NORMS = ("norm", "query_norm", "value_norm")


@pytest.mark.parametrize(
    ("kind", "matrices", "others"),
    [
        pytest.param("scalar-mix", (), ("weights", "scale"), id="scalar-mix"),
        pytest.param("concat-norm", (), ("norm.weight", "norm.bias"), id="concat-norm"),
        pytest.param(
            "mmfuser",
            tuple(f"{name}.weight" for name in LINEAR),
            (
                "gamma1",
                "gamma2",
                *(f"{n}.bias" for n in LINEAR),
                *(f"{n}.{p}" for n in NORMS for p in ("weight", "bias")),
            ),
            id="mmfuser",
        ),
    ],
)
def test_of_a_fusion_matrices_alone_are_muons_and_decay(
    small: Callable[..., Experiment], facts: TowerFacts, tokenizer: Any, kind: str, matrices: tuple[str, ...],
    others: tuple[str, ...],
) -> None:  # fmt: skip
    model = VLM(small(vision__layers="1,3,4", fusion__kind=kind), facts, tokenizer)
    assert {name for name, _ in model.fusion.named_parameters()} == {*matrices, *others}
    assert {name for name in taken(model) if name.startswith("fusion.")} == {f"fusion.{name}" for name in matrices}
    for each in ("muon", "adamw"):
        optimizer, ratios = build_optimizer(
            model, stage(optimizer=each, weight_decay=0.1, connector_learning_rate=1e-3)
        )
        groups = zip(optimizer.param_groups, ratios, strict=True)
        of = {p: (group["weight_decay"], ratio) for group, ratio in groups for p in group["params"]}
        found = {name: of[p] for name, p in model.fusion.named_parameters()}
        assert found == {name: (0.1 if name in matrices else 0.0, pytest.approx(0.1)) for name in found}


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "mamba", "mixtral", "opt"])
def test_no_family_gives_muon_its_words(family: str) -> None:
    """Neither embeddings, tied or not, nor the output layer, nor what is no matrix of a linear layer."""
    model = small_model(family)
    found = taken(model)
    parameters = dict(model.named_parameters())
    assert found and all(parameters[name].ndim == 2 for name in found)
    words = {*model.get_input_embeddings().parameters(), *model.get_output_embeddings().parameters()}
    assert not words & {parameters[name] for name in found}


def test_a_model_of_matrices_alone_and_one_without() -> None:
    assert taken(nn.Linear(3, 2, bias=False)) == {"weight"}
    assert taken(nn.LayerNorm(3)) == set()


def loss_of(model: nn.Module, update: int) -> torch.Tensor:
    """The loss of an update's own input."""
    torch.manual_seed(update)
    loss: torch.Tensor = model(torch.randn(4, 8)).square().sum() / 4
    return loss


@pytest.mark.parametrize("start", [0, 2], ids=["new", "after a resume"])
def test_an_update_is_that_of_torchs_optimizers(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit but for the orthogonal matrix, which torch's Muon computes in bfloat16.

    With decay of matrices, and other rates from update to update; the moments are made before the first one.
    """
    monkeypatch.setattr("torch.optim._muon._zeropower_via_newtonschulz", lambda gradient, *_: orthogonal(gradient))
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 8))
    theirs, settings = copy.deepcopy(ours), stage(weight_decay=0.1, clip=1e9)
    matrices = [theirs[0].weight, theirs[3].weight]
    others = [p for p in theirs.parameters() if p.ndim == 1]
    muon = torch.optim.Muon(matrices, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(others, weight_decay=0.0)
    engine = Engine(ours, settings, join_processes(), 1)
    for update in range(4):
        if update == start and start:
            state = [(name, {k: v.clone() for k, v in kept.items()}) for name, kept in engine.state()]
            torch.manual_seed(99)
            ours = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 8))
            for name, kept in state:
                ours.get_parameter(name).data.copy_(kept[VALUE])
            engine = Engine(ours, settings, join_processes(), 1)
            engine.restore(update, state)
        rate = 1e-2 / (update + 1)
        engine.backward(loss_of(engine._engine, update))
        engine.step(rate)
        loss_of(theirs, update).backward()
        for optimizer in (muon, adamw):
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        for name, parameter in ours.named_parameters():
            assert torch.equal(parameter, theirs.get_parameter(name)), (update, name)


def test_the_state_has_one_moment_of_a_matrix_and_two_of_the_rest() -> None:
    engine = Engine(nn.Linear(3, 2), stage(), join_processes(), 1)
    assert {name: set(kept) for name, kept in engine.state()} == {
        "weight": {VALUE, "momentum_buffer"},
        "bias": {VALUE, "exp_avg", "exp_avg_sq"},
    }


def test_the_connectors_rate_reaches_both() -> None:
    model = nn.ModuleDict({"language": nn.Linear(3, 2), "connector": nn.Linear(2, 2)})
    optimizer, ratios = build_optimizer(model, stage(connector_learning_rate=1e-3))
    of = {p: ratio for group, ratio in zip(optimizer.param_groups, ratios, strict=True) for p in group["params"]}
    assert {name: of[p] for name, p in model.named_parameters()} == pytest.approx(
        {"language.weight": 1.0, "language.bias": 1.0, "connector.weight": 0.1, "connector.bias": 0.1}
    )


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8)])
def test_the_orthogonal_matrix_is_torchs(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    gradient = torch.randn(shape)
    found = orthogonal(gradient)
    # Jordan's coefficients send singular values to between 0.68 and 1.14, not to 1.
    assert ((torch.linalg.svdvals(found) > 0.65) & (torch.linalg.svdvals(found) < 1.2)).all()
    theirs = _zeropower_via_newtonschulz(gradient, (3.4445, -4.7750, 2.0315), 5, 1e-7).float()
    # bfloat16 has an epsilon of 0.008: five iterations of products of numbers up to 1.
    torch.testing.assert_close(found, theirs, atol=0.04, rtol=0)


def test_no_gradient_moves_nothing() -> None:
    assert not orthogonal(torch.zeros(3, 4)).any()
