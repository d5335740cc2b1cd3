"""The chat template of an exported folder gives the tokens of the training."""

from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from shallowsight.data.conversation import TEMPLATES
from shallowsight.export.prompt import chat_prompt, with_image_token

TEXTS = ["How many red apples are on the table, 12 or 7?", "yes, 3", "A chat USER: What is this? ASSISTANT: no"]


def made(prefix_space: bool, adds_start: bool, has_start: bool) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer as GPT-2's (no space before a text), Llama's (a start token) or Qwen's (no such token)."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>"]
    bpe.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=330, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    if adds_start:
        bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    names = {"eos_token": "</s>"} | ({"bos_token": "<s>"} if has_start else {})
    return PreTrainedTokenizerFast(tokenizer_object=bpe, **names)


KINDS = [
    pytest.param(True, False, True, id="a space before each text"),
    pytest.param(False, False, True, id="no space"),
    pytest.param(False, True, True, id="adds its start token itself"),
    pytest.param(False, False, False, id="no start token"),
]


@pytest.mark.parametrize("name", ["short", "v1", "plain"])
@pytest.mark.parametrize(("prefix_space", "adds_start", "has_start"), KINDS)
def test_tokens_are_those_of_the_training(name: str, prefix_space: bool, adds_start: bool, has_start: bool) -> None:
    own = made(prefix_space, adds_start, has_start)
    prompt = chat_prompt(TEMPLATES[name], own, with_image_token(own))
    assert prompt.differences == ()


def test_other_tokens_are_told() -> None:
    """A tokenizer that joins the end of the text before the picture with the picture's token."""
    own, other = made(True, False, True), with_image_token(made(False, False, True))
    found = chat_prompt(TEMPLATES["short"], own, other).differences
    assert found[0] == "a question about a picture has other tokens than in the training"


def test_the_tokenizer_of_the_study_is_not_changed(tokenizer: Any) -> None:
    before = len(tokenizer)
    assert len(with_image_token(tokenizer)) == before + 1
    assert len(tokenizer) == before and tokenizer.chat_template is None


@pytest.fixture
def write(tokenizer: Any) -> Any:
    stock = with_image_token(tokenizer)
    stock.chat_template = chat_prompt(TEMPLATES["v1"], tokenizer, stock).chat_template

    def text(*messages: dict[str, Any]) -> str:
        return str(stock.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))

    return text


def test_content_may_be_text_or_parts(write: Any) -> None:
    parts = [{"type": "text", "text": " Why? "}, {"type": "image"}]
    expected = write({"role": "user", "content": parts})
    assert expected.startswith("<s>A chat between") and expected.endswith("USER: <image>\nWhy? ASSISTANT:")
    assert write({"role": "user", "content": "<image>\nWhy?"}) == expected
    assert write({"role": "user", "content": "Why? <image>"}) == expected
    assert "<image>" not in write({"role": "user", "content": "Why?"})


def test_later_turns(write: Any) -> None:
    found = write(
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "<image>\nTwo?"},  # the picture goes where it was in training
    )
    assert found.endswith("USER: <image>\nOne? ASSISTANT: 1</s>USER: Two? ASSISTANT:")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"role": "user", "content": "<image><image> Which?"}, "trained on one picture, got 2"),
        ({"role": "system", "content": "Be kind."}, "roles user and assistant, got system"),
    ],
)
def test_what_was_not_in_training_is_refused(write: Any, message: dict[str, Any], said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        write(message)


def test_a_folder_remembers_it(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    stock = with_image_token(tokenizer)
    stock.chat_template = chat_prompt(TEMPLATES["short"], tokenizer, stock).chat_template
    stock.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == stock.chat_template
