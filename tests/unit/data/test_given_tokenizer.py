"""A language model's own tokenizer: what only shows once it is loaded is said before anything else is done."""

from collections.abc import Callable
from pathlib import Path

import pytest
from model_folders import WORDS, change_json, language_folder

from shallowsight.config import Experiment, Language
from shallowsight.data.given_tokenizer import given_tokenizer
from shallowsight.data.prepare import prepare
from shallowsight.errors import ConfigurationError


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
            "the tokenizer of .*/llama has no eos token, with which an answer ends",
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


def test_no_data_is_read_before(folder: Path, small: Callable[..., Experiment], tmp_path: Path) -> None:
    change_json(folder / "tokenizer_config.json", eos_token=None)

    def nothing(what: str, *_: object) -> None:
        raise AssertionError(what)

    with pytest.raises(ConfigurationError, match="no eos token"):
        prepare(small(language__model=str(folder)), tmp_path, tmp_path, tmp_path, nothing)
