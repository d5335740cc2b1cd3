"""A language model in a bucket of a real S3 server, in every place that loads one."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from tiny import Prepared

from shallowsight.errors import ConfigurationError
from shallowsight.store.cache import CACHE
from shallowsight.store.objects.opening import open_objects
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts


@pytest.fixture
def folder(prepared: Prepared, tmp_path: Path) -> Path:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(prepared.folder / "tokenizer")
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(tmp_path / "llama")
    tokenizer.save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


@pytest.fixture
def url(s3: Server, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for path in folder.iterdir():
        objects.put_file(path.name, path)
    return objects.url


def test_it_is_pinned_by_its_weights(url: str, folder: Path, prepared: Prepared) -> None:
    from shallowsight.steps.resolve import resolve_study

    def digest(model: str) -> str:
        return resolve_study("quick", [f"language.model={model}", "settings=4"]).language_digest

    assert digest(url) == digest(str(folder))


def test_the_same_weights_and_tokenizer(url: str, folder: Path, prepared: Prepared, tmp_path: Path) -> None:
    import torch

    from shallowsight.model.language.given_tokenizer import given_tokenizer
    from shallowsight.model.language.language import build_language, load_tokenizer

    found = []
    for number, model in enumerate((url, str(folder))):
        raw = prepared.experiment.model_dump(mode="json")
        experiment = Experiment.model_validate(raw | {"language": raw["language"] | {"model": model}})
        out = tmp_path / f"out{number}"
        out.mkdir()
        given_tokenizer(experiment.language).save_pretrained(out)
        tokenizer = load_tokenizer(str(out))
        weights = build_language(experiment.language, tokenizer, torch.float32).state_dict()
        found.append((weights, {path.name: path.read_bytes() for path in out.iterdir()}))
    (one, its_tokenizer), (other, other_tokenizer) = found
    assert its_tokenizer == other_tokenizer and len(its_tokenizer) >= 2
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_its_shape_is_known_to_the_forecast(url: str, proxy: FaultyProxy) -> None:
    from shallowsight.cost.shapes import language_shape
    from shallowsight.study.experiment import Language

    found = language_shape(Language(model=url))
    assert (found.layers, found.width) == (2, 32)
    read = {path.rpartition("/")[2] for method, path in proxy.requests if method == "GET" and "?" not in path}
    assert read == {"config.json"}


def test_a_model_that_changed_after_the_study_began(url: str, folder: Path) -> None:
    """Another tokenizer, then other weights, under the document that was made before."""
    import torch

    from shallowsight.model.language.given_tokenizer import given_tokenizer
    from shallowsight.model.language.language import build_language, load_tokenizer
    from shallowsight.steps.resolve import resolve_study

    began = resolve_study("quick", [f"language.model={url}", "settings=4"]).base.language
    tokenizer = load_tokenizer(str(folder))
    build_language(began, tokenizer, torch.float32)
    objects = open_objects(url)

    objects.put_bytes("tokenizer.json", (folder / "tokenizer.json").read_bytes() + b" ")
    changed = rf"language.model: the model '{url}' changed after the study began; run the same command again"
    with pytest.raises(ConfigurationError, match=changed):
        given_tokenizer(began)

    objects.put_file("tokenizer.json", folder / "tokenizer.json")
    build_language(began, tokenizer, torch.float32)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    objects.put_bytes("model.safetensors", bytes(weights))
    with pytest.raises(ConfigurationError, match=changed):
        build_language(began, tokenizer, torch.float32)


def test_a_checkpoint_forgets_where_its_tower_was(
    url: str, small: Callable[..., Experiment], facts: TowerFacts, prepared: Prepared, tmp_path: Path
) -> None:
    """A place is in no digest, so it must be in no output."""
    from shallowsight.model.checkpoint import EXPERIMENT, TOWER, save_finetuned
    from shallowsight.model.language.language import load_tokenizer
    from shallowsight.model.vlm import VLM

    tokenizer = load_tokenizer(str(prepared.folder / "tokenizer"))
    written = []
    for name in ("s3://bucket/clip", facts.name):
        experiment = small(vision__tower=name)
        model = VLM(experiment, facts, tokenizer)
        out = tmp_path / str(len(written))
        out.mkdir()
        save_finetuned(model, experiment, facts.model_copy(update={"name": name}), tokenizer, out)
        written.append([(out / file).read_text() for file in (EXPERIMENT, TOWER)])
    assert written[0] == written[1] and "s3://" not in "".join(written[0])
