"""A language model that cannot be trained is refused when a study is resolved, before anything is computed."""

import json
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.steps.resolve import resolve_study


@pytest.mark.parametrize(
    ("family", "words", "says"),
    [
        pytest.param("bert", [], "language.model: a model of the family 'bert' is refused", id="family"),
        pytest.param("bloom", ["finetune.packed=true"], "finetune.packed=true: .*'bloom'", id="packed"),
        pytest.param("bloom", ["pretrain.packed=true"], "pretrain.packed=true: .*'bloom'", id="packed first"),
        pytest.param("mamba", ["finetune.lora.rank=4"], "finetune.lora.rank=4: .*'mamba'", id="adapters"),
    ],
)
def test_a_family_that_was_not_proven(tmp_path: Path, family: str, words: list[str], says: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family}), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    with pytest.raises(ConfigurationError, match=says):
        resolve_study("quick", [f"language.model={tmp_path}", *words])
