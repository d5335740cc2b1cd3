"""Checkpoints come back bit for bit, or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tower_of_width
from transformers import PreTrainedTokenizerBase

from shallowsight.errors import ConfigurationError
from shallowsight.model.checkpoint import (
    CONNECTOR,
    IN_A_FOLDER,
    LANGUAGE,
    load_connector,
    load_language,
    load_trained,
    save_finetuned,
    save_pretrained,
)
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

Build = Callable[..., VLM]


@pytest.fixture(scope="module")
def build(small: Callable[..., Experiment], tokenizer: PreTrainedTokenizerBase) -> Build:
    def make(seed: int, **changes: object) -> VLM:
        torch.manual_seed(seed)
        return VLM(small(**changes), tower_of_width(32), tokenizer)

    return make


@pytest.fixture(scope="module")
def saved(
    build: Build,
    small: Callable[..., Experiment],
    facts: TowerFacts,
    tokenizer: PreTrainedTokenizerBase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_finetuned(build(1), small(), facts, tokenizer, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(saved, tmp_path / "checkpoint"))


def state(model: VLM) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_round_trip(saved: Path, build: Build, small: Callable[..., Experiment], facts: TowerFacts) -> None:
    trained = load_trained(saved)
    expected, found = state(build(1)), state(trained.model)
    assert set(found) == set(expected) and all(torch.equal(found[n], expected[n]) for n in found)
    assert not all(torch.equal(found[n], p) for n, p in state(build(2)).items())
    kept, given = trained.experiment, small()
    same = ("fusion", "connector", "language", "pretrain", "finetune", "seed")
    assert all(getattr(kept, part) == getattr(given, part) for part in same)
    # Names and places are in no digest, so they are not in the bytes.
    assert kept.vision == given.vision.model_copy(update={"tower": IN_A_FOLDER})
    assert str(facts.name) not in "".join(p.read_text() for p in saved.glob("*.json"))
    assert trained.tower == facts.model_copy(update={"name": IN_A_FOLDER})
    assert trained.tokenizer.encode("red") and not trained.model.training


def test_tied_weights_are_stored_once_and_stay_tied(saved: Path) -> None:
    names = set(load_file(saved / LANGUAGE))
    assert "model.embed_tokens.weight" in names and "lm_head.weight" not in names
    language = load_trained(saved).model.language
    assert language.get_output_embeddings().weight is language.get_input_embeddings().weight


def test_untied_weights_are_stored_both(
    build: Build,
    small: Callable[..., Experiment],
    facts: TowerFacts,
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
) -> None:
    untied = build(3).language
    untied.config.tie_word_embeddings = False
    untied.lm_head.weight = torch.nn.Parameter(torch.randn_like(untied.lm_head.weight))
    untied.save_pretrained(tmp_path / "llama")
    changes = {"language__model": str(tmp_path / "llama")}
    model = build(4, **changes)
    (tmp_path / "out").mkdir()
    save_finetuned(model, small(**changes), facts, tokenizer, tmp_path / "out")
    found = load_trained(tmp_path / "out").model.language
    assert torch.equal(found.lm_head.weight, untied.lm_head.weight)
    assert not torch.equal(found.lm_head.weight, found.get_input_embeddings().weight)


def test_a_pretrained_checkpoint_is_the_connector_alone(
    build: Build, small: Callable[..., Experiment], tmp_path: Path
) -> None:
    model, other = build(1), build(2)
    save_pretrained(model, small(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [CONNECTOR, "experiment.json"]
    language = state(other)
    load_connector(other, tmp_path)
    for name, value in state(other).items():
        assert torch.equal(value, (language if name.startswith("language") else state(model))[name])
    with pytest.raises(
        ConfigurationError, match=r"is not a finetuned checkpoint: it has no tower\.json, language\.saf"
    ):
        load_trained(tmp_path)


@pytest.mark.parametrize("file", [CONNECTOR, LANGUAGE])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda t, n: t.pop(n), "is from another model: missing ['{name}'], unknown none", id="missing"),
        pytest.param(
            lambda t, n: t.update(x=torch.zeros(1)), "is from another model: missing none, unknown ['x']", id="unknown"
        ),
        pytest.param(lambda t, n: t.update({n: t[n][:-1]}), "{name} has shape (", id="shape"),
    ],
)
def test_strict(
    folder: Path, build: Build, file: str, change: Callable[[dict[str, torch.Tensor], str], object], message: str
) -> None:
    tensors = load_file(folder / file)
    name = next(n for n, t in tensors.items() if t.ndim == 2)
    shape = tuple(tensors[name].shape)
    change(tensors, name)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / file)
    load = load_connector if file == CONNECTOR else load_language
    with pytest.raises(ConfigurationError) as refused:
        load(build(0), folder)
    assert f"{folder / file}" in str(refused.value) and message.format(name=name) in str(refused.value)
    if "shape" in message:
        assert f"({shape[0] - 1}, {shape[1]}), the model needs {shape}" in str(refused.value)


@pytest.mark.parametrize("name", ["experiment.json", "tower.json", CONNECTOR, LANGUAGE, "tokenizer"])
def test_an_incomplete_checkpoint_is_named(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "away")
    with pytest.raises(ConfigurationError, match=f"is not a finetuned checkpoint: it has no {name}$"):
        load_trained(folder)


def test_equal_models_are_equal_bytes(
    build: Build, small: Callable[..., Experiment], facts: TowerFacts, tokenizer: PreTrainedTokenizerBase,
    saved: Path, tmp_path: Path,
) -> None:  # fmt: skip
    save_finetuned(build(1), small(), facts, tokenizer, tmp_path)
    for file in (p for p in saved.rglob("*") if p.is_file()):
        assert (tmp_path / file.relative_to(saved)).read_bytes() == file.read_bytes(), file.name
