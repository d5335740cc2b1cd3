"""A language model's own tokenizer: what only shows once it is loaded is said before anything else is done."""

from pathlib import Path

import pytest
from model_folders import WORDS, change_json, language_folder

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.given_tokenizer import given_tokenizer
from shallowsight.steps.data import prepare_data
from shallowsight.store.store import Store
from shallowsight.study.experiment import Language
from shallowsight.study.resolved import Resolved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return language_folder(tmp_path / "llama")


def test_it_is_loaded(folder: Path) -> None:
    found = given_tokenizer(Language(model=str(folder)))
    assert (found.eos_token_id, len(found)) == (1, len(WORDS))


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        pytest.param(
            "tokenizer_config.json",
            {"eos_token": None},
            "the tokenizer of .*/llama has no eos token to end an answer with",
            id="no end",
        ),
        pytest.param(
            "tokenizer_config.json",
            {"eos_token": "<end>"},
            r"a token beyond the 5 embeddings \(vocab_size\) of the model, for instance '<end>' with the id 5",
            id="an end that it has to add",
        ),
        pytest.param(
            "config.json",
            {"vocab_size": 3},
            "2 tokens beyond the 3 embeddings",
            id="more tokens than embeddings",
        ),
        pytest.param("config.json", {"model_type": "nobodys"}, "transformers cannot load .*nobodys", id="unknown"),
        pytest.param("tokenizer.json", {"model": {"type": "Nobodys"}}, "transformers cannot load", id="broken"),
    ],
)
def test_it_is_refused(folder: Path, name: str, changes: dict[str, object], says: str) -> None:
    change_json(folder / name, **changes)
    with pytest.raises(ConfigurationError, match=f"language.model: .*{says}") as refused:
        given_tokenizer(Language(model=str(folder)))
    assert "\n" not in str(refused.value)


def test_no_data_is_read_before(
    folder: Path, resolved: Resolved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_json(folder / "tokenizer_config.json", eos_token=None)
    monkeypatch.setattr("shallowsight.data.prepare.collect_sources", lambda *_: pytest.fail("data were read"))
    raw = resolved.model_dump(mode="json")
    raw["study"]["base"]["language"]["model"] = str(folder)
    with pytest.raises(ConfigurationError, match="no eos token"):
        prepare_data(Resolved.model_validate(raw), Store(tmp_path / "study"))
