"""What enters a language model is what the formulas and transformers' own DeepStack say."""

from collections.abc import Callable
from pathlib import Path

import llama_reference as reference
import numpy as np
import pytest
import torch
from entry_checks import open_gates
from tiny import tower_of_width
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase
from transformers.models.qwen3_vl import Qwen3VLTextConfig, Qwen3VLTextModel

from shallowsight.data.conversation import IMAGE
from shallowsight.errors import ConfigurationError
from shallowsight.model.injection.added import Added
from shallowsight.model.injection.attended import Attended, Shape
from shallowsight.model.injection.injection import Injection
from shallowsight.model.injection.places import Places
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment

WIDTH, LAYERS, HEADS, KEY_HEADS = 32, 3, 4, 2
IDS = torch.tensor([[5, 6, IMAGE, IMAGE, IMAGE, IMAGE, 7, 8, 9]])
START = 2
# Sums of float32 against float64, through three layers of width 32; 50 times as much as was found.
CLOSE = 1e-4
Build = Callable[[str], VLM]


@pytest.fixture
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Build:
    def make(setting: str) -> VLM:
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=300, hidden_size=WIDTH, intermediate_size=56, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, initializer_range=0.2, rms_norm_eps=1e-6,
        )  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(tmp_path / "llama")
        layers, fusion = setting.split(":")
        experiment = small(
            vision__layers=layers,
            fusion__kind=fusion,
            language__model=str(tmp_path / "llama"),
            connector__kind="linear",
        )
        model = VLM(experiment, tower_of_width(8), tokenizer).eval()
        open_gates(model)
        return model

    return make


def feature(layer: int, pictures: int = 1) -> Tensor:
    return torch.randn(pictures, 4, 8, generator=torch.Generator().manual_seed(layer))


@torch.no_grad()
def last_states(model: VLM, features: list[Tensor], ids: Tensor = IDS) -> Tensor:
    with model.shown(features, ids) as embeddings:
        found: Tensor = model.language.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    return found


@pytest.mark.parametrize(
    ("setting", "read", "states"),
    [
        pytest.param("1,3|4:deepstack", (1, 3, 4), (1, 2), id="after the first layers"),
        pytest.param("1>2,2>0,3>1|4:internal-direct", (1, 2, 3, 4), (2, 0, 1), id="where it is written"),
        pytest.param("2>1,3>1|4:internal-direct", (2, 3, 4), (1, 1), id="two in one state"),
        pytest.param("2,4|4:internal-direct", (2, 4), (0, 2), id="at shares of the depth, the base once more"),
        pytest.param("3>2|1:internal-direct", (1, 3), (2,), id="deeper than the base"),
        pytest.param("1>0,3>2|4:internal-modular", (1, 3, 4), (0, 2), id="attended"),
        pytest.param("4|4:internal-modular", (4,), (2,), id="attended at its share of the depth"),
    ],
)
def test_states_are_those_of_the_formulas(
    build: Build, setting: str, read: tuple[int, ...], states: tuple[int, ...]
) -> None:
    model = build(setting)
    features = {layer: feature(layer) for layer in read}
    added: dict[int, reference.Array] = {}
    attended = {}
    first, _, base = setting.partition(":")[0].partition("|")
    for part, layer, state in zip(
        model.injection.parts, [int(t.split(">")[0]) for t in first.split(",")], states, strict=True
    ):
        weights = reference.weights_of(part)
        image = reference.connected(weights, features[layer][0].double().numpy())
        if "modular" in setting:
            attended[state] = (weights, image)
        else:
            added[state] = added.get(state, np.zeros_like(image)) + image
    embeddings = model.embed(list(features.values()), IDS)
    assert torch.equal(embeddings[0, START : START + 4], model.connector(features[int(base)])[0])
    expected = reference.states(
        reference.weights_of(model.language), reference.Sizes(LAYERS, HEADS, KEY_HEADS),
        embeddings[0].detach().double().numpy(), START, added, attended,
    )  # fmt: skip
    found = last_states(model, list(features.values()))[0].double().numpy()
    assert np.abs(found - expected).max() < CLOSE * np.abs(expected).max()
    plain = model.language.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state[0]
    assert np.abs(plain.detach().double().numpy() - expected).max() > 0.01, "nothing enters"


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("setting", [(9, 17, 25), (5,)], ids=str)
def test_deepstack_is_that_of_qwen3_vl(setting: tuple[int, ...], dtype: torch.dtype) -> None:
    """Bit for bit: both add the same two numbers."""
    torch.manual_seed(0)
    config = Qwen3VLTextConfig(
        vocab_size=100, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=4, num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS, head_dim=8, initializer_range=0.2,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]},
    )  # fmt: skip
    text = Qwen3VLTextModel(config).to(dtype).eval()
    ids = torch.tensor([[1, IMAGE, IMAGE, IMAGE, IMAGE, 2, 3], [4, 5, 6, IMAGE, IMAGE, IMAGE, IMAGE]])
    embeddings = torch.randn(2, 7, WIDTH).to(dtype)
    injection = Injection([Added(k, n, nn.Linear(8, WIDTH)) for n, k in enumerate(setting, start=1)]).to(dtype)
    features = {k: feature(k, 2).to(dtype) for k in setting}
    with injection.into(text, features, Places.of(ids, None, 2)):
        found = text(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    shown = [part.connector(features[part.layer]).flatten(0, 1) for part in injection.parts]
    expected = text(
        inputs_embeds=embeddings, use_cache=False, visual_pos_masks=ids == IMAGE, deepstack_visual_embeds=shown
    ).last_hidden_state
    assert torch.equal(found, expected)
    assert not torch.equal(found, text(inputs_embeds=embeddings, use_cache=False).last_hidden_state)


@torch.no_grad()
def test_closed_gates_leave_the_language_model_as_it_was(build: Build) -> None:
    model = build("1>0,3>2|4:internal-modular")
    features = [feature(layer) for layer in (1, 3, 4)]
    embeddings = model.embed(features, IDS)
    plain = model.language.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    assert (last_states(model, features) - plain).abs().max() > 0.1
    for name, parameter in model.injection.named_parameters():
        if name.endswith("_gate"):
            parameter.zero_()
    assert torch.equal(last_states(model, features), plain)


def test_gates_are_closed_at_first_and_open_first(build: Build) -> None:
    """At the beginning gradients reach the gates, and nothing behind them."""
    model = build("1>0,3>2|4:internal-modular")
    for part in model.injection.parts:
        for gate in (part.attention_gate, part.mlp_gate):
            nn.init.zeros_(gate)
    labels = IDS.masked_fill(IDS == IMAGE, -100)
    model([feature(layer) for layer in (1, 3, 4)], IDS, None, labels).backward()
    moved = {name for name, p in model.injection.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {f"{part}.{gate}_gate" for part in (0, 1) for gate in ("attention", "mlp")}


@torch.no_grad()
@pytest.mark.parametrize("setting", ["1>0,3>2|4:internal-modular", "1>0,3>2|4:internal-direct"])
def test_text_before_the_picture_does_not_see_it(build: Build, setting: str) -> None:
    model = build(setting)
    one, other = (last_states(model, [feature(layer + more) for layer in (1, 3, 4)])[0] for more in (0, 10))
    assert torch.equal(one[:START], other[:START])
    assert (one[START:] - other[START:]).abs().amax(dim=-1).min() > 1e-3


def test_parameters_of_the_published_sizes() -> None:
    """I_D 3-18-23 with four connectors mlp2x_gelu, and a layer of I_M for width 2048 and MLP width 5632."""
    with torch.device("meta"):
        mlp = [nn.Sequential(nn.Linear(1024, 2048), nn.GELU(), nn.Linear(2048, 2048)) for _ in range(4)]
        direct = Injection([Added(k, 1, part) for k, part in zip((3, 18, 23), mlp, strict=False)])
        shape = Shape(2048, 16, 16, 128, 5632, "silu", 0.02)
        modular = Attended(18, 17, nn.Identity(), shape)
        shared = Attended(18, 17, nn.Identity(), Shape(2048, 16, 4, 128, 5632, "silu", 0.02))
    assert count(direct) + count(mlp[3]) == 25_182_208
    assert count(modular) == 51_380_226 == 4 * 2048**2 + 3 * 2048 * 5632 + 2
    assert count(shared) == 51_380_226 - 2 * 2048 * 3 * 4 * 128


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_a_model_has_a_connector_for_each_layer_that_enters(build: Build) -> None:
    assert len(build("4:single").injection) == 0 and count(build("4:single").injection) == 0
    direct = build("1,3|4:internal-direct")
    assert [(part.layer, part.state) for part in direct.injection.parts] == [(1, 0), (3, 1)]
    assert count(direct.injection) == 2 * count(direct.connector)
    assert not torch.equal(direct.injection[0].connector[0].weight, direct.injection[1].connector[0].weight)


def test_more_layers_than_states_are_refused(build: Build) -> None:
    """As of groups, whose number is known after the check of the study."""
    with pytest.raises(
        ConfigurationError, match=r"setting 1-3\|4:deepstack: a layer enters state 3; in a language model"
    ):
        build("1-3|4:deepstack")
