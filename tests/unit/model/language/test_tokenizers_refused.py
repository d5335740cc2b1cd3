"""Tokenizers and lengths that would fail once a text is read: refused by a dry run, in one sentence."""

import shutil
import sys
from pathlib import Path

import pytest
from model_folders import WORDS, change_json, write_json
from refusals import with_language
from tokenizers import Tokenizer


def test_no_tokenizer(language: Path) -> None:
    (language / "tokenizer.json").unlink()
    assert with_language(language).startswith("language.model: no tokenizer in /llama; save it there with")
    change_json(language / "tokenizer_config.json", tokenizer_class="ByT5Tokenizer")
    assert with_language(language) == "", "one that needs no vocabulary"


def test_a_tokenizer_of_sentencepiece(language: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (language / "tokenizer.json").rename(language / "tokenizer.model")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    said = with_language(language)
    assert "/llama is only tokenizer.model, which needs the package sentencepiece (not installed: pip install" in said
    shutil.copy(language / "tokenizer.model", language / "tokenizer.json")
    assert with_language(language) == ""


@pytest.mark.parametrize(
    ("name", "says"), [("tokenizer.json", "tokenizer.json is not JSON"), ("tokenizer_config.json", "is not JSON")]
)
def test_a_tokenizer_that_is_cut_short(language: Path, name: str, says: str) -> None:
    (language / name).write_text((language / name).read_text()[:-3])
    assert says in with_language(language)


NO_END = "language.model: the tokenizer of /llama has no eos token to end an answer with; name one as eos_token"


@pytest.mark.parametrize(
    ("config", "ends"),
    [
        pytest.param({"eos_token": None}, False, id="no end"),
        pytest.param({"eos_token": None, "tokenizer_class": "LlamaTokenizer"}, True, id="its class may have one"),
        pytest.param({"eos_token": {"content": "</s>", "__type": "AddedToken"}}, True, id="an object"),
    ],
)
def test_a_tokenizer_without_an_end(language: Path, config: dict[str, object], ends: bool) -> None:
    change_json(language / "tokenizer_config.json", **config)
    said = with_language(language)
    assert said.startswith(NO_END) if not ends else said == ""


def test_an_end_that_only_the_old_file_names(language: Path) -> None:
    change_json(language / "tokenizer_config.json", eos_token=None)
    write_json(language / "special_tokens_map.json", {"eos_token": {"content": "</s>"}})
    assert with_language(language) == ""


def add(folder: Path, *tokens: str, special: bool) -> None:
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    (made.add_special_tokens if special else made.add_tokens)(list(tokens))
    made.save(str(folder / "tokenizer.json"))


def test_more_tokens_than_embeddings(language: Path) -> None:
    change_json(language / "config.json", vocab_size=len(WORDS) - 2)
    assert with_language(language).startswith(
        "language.model: the tokenizer of /llama has 2 tokens beyond the 3 embeddings (vocab_size) of the model, for "
        "instance 'green' with the id 3; give the model its own tokenizer"
    )


def test_added_tokens_count_but_for_special_ones_that_no_text_becomes(language: Path) -> None:
    add(language, "[PAD]", special=True)
    assert with_language(language) == ""
    change_json(language / "tokenizer_config.json", eos_token="[PAD]")
    assert "a token beyond the 5 embeddings (vocab_size) of the model, for instance '[PAD]'" in with_language(language)
    change_json(language / "tokenizer_config.json", eos_token="</s>")
    add(language, "purple", special=False)
    assert "for instance 'purple' with the id 6" in with_language(language)


def test_added_tokens_of_the_old_file(language: Path) -> None:
    decoder = {"5": {"content": "purple", "special": False}, "6": {"content": "[PAD]", "special": True}}
    change_json(language / "tokenizer_config.json", added_tokens_decoder=decoder)
    assert "a token beyond the 5 embeddings (vocab_size) of the model, for instance 'purple'" in with_language(language)


@pytest.mark.parametrize(
    ("family", "key", "positions"),
    [("gpt2", "n_positions", 128), ("opt", "max_position_embeddings", 64), ("mpt", "max_seq_len", 32)],
)
def test_more_tokens_than_a_model_has_positions(language: Path, family: str, key: str, positions: int) -> None:
    change_json(language / "config.json", **{"model_type": family, "max_position_embeddings": None, key: positions})
    assert with_language(language, f"language.max_length={positions + 1}", "vision.pool=4") == (
        f"language.max_length={positions + 1}: '/llama' has only {positions} positions ({key} in its "
        f"config.json); set language.max_length to {positions} or less"
    )
    assert with_language(language, f"language.max_length={positions}", "vision.pool=4") == ""


def test_more_tokens_than_a_model_was_trained_on_are_only_warned_of(
    language: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_language(language, "language.max_length=512") == "" and caplog.text == ""
    assert with_language(language, "language.max_length=513") == ""
    assert "language.max_length=513, but '" in caplog.text and "was trained on 512 positions" in caplog.text
