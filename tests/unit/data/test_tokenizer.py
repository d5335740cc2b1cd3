"""The tokenizer: the same bytes each time, and no text that it cannot say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from shallowsight.data.tokenizer import train_tokenizer
from shallowsight.model.language.language import load_tokenizer

TEXTS = ["<image>\nWhich colour has the cat?", "red", "The cat is red.", "blue", "Is it blue? No, it is red."] * 5
FILES = ("tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "new"
    train_tokenizer(iter(TEXTS), 300, folder)
    return folder


@pytest.fixture(scope="module")
def learnt(folder: Path) -> PreTrainedTokenizerBase:
    return load_tokenizer(str(folder))


@pytest.mark.slow
def test_equal_texts_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    train_tokenizer(TEXTS, 300, tmp_path)
    program = (
        "import sys; from pathlib import Path; from shallowsight.data.tokenizer import train_tokenizer\n"
        f"train_tokenizer({TEXTS!r}, 300, Path(sys.argv[1]))"
    )
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-c", program, str(other)], env=os.environ | {"PYTHONHASHSEED": "5"}, check=True)
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "red",
        "zebra",
        "Stra\u00dfe \u732b \U0001f600",
        "two  spaces",
        "line\nbreak\n",
        "tab\t.",
        "0123",
        "\u0000\x7f",
        " x",
    ],
    ids=ascii,
)
def test_round_trip_of_any_text(learnt: PreTrainedTokenizerBase, text: str) -> None:
    ids = learnt.encode(text, add_special_tokens=False)
    assert ids and max(ids) < len(learnt)
    # Every span begins with a space, as words inside a text do.
    assert learnt.decode(ids) == (text if text.startswith(" ") else f" {text}")
    assert not set(ids) & set(learnt.all_special_ids)


def test_words_of_the_text_become_one_token(learnt: PreTrainedTokenizerBase) -> None:
    assert len(learnt.encode("red", add_special_tokens=False)) == 1
    assert len(learnt.encode("zqx", add_special_tokens=False)) > 1


def test_special_tokens(learnt: PreTrainedTokenizerBase) -> None:
    assert (learnt.pad_token_id, learnt.bos_token_id, learnt.eos_token_id) == (0, 1, 2)
    assert learnt.decode([1, 0, 2], skip_special_tokens=True) == ""


@pytest.mark.parametrize("vocabulary", [262, 275])
def test_the_vocabulary_is_as_large_as_asked(vocabulary: int, tmp_path: Path) -> None:
    train_tokenizer(TEXTS, vocabulary, tmp_path)
    assert len(load_tokenizer(str(tmp_path))) == vocabulary
