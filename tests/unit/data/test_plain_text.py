"""Texts of users stay texts with the tokenizers of every family: no text is a control token, and none is lost."""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_families import FAMILIES, sentencepiece_bpe
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE, TEMPLATES, answer_ids, encode_record, prompt_ids
from shallowsight.data.plain_text import control_ids, plain_ids, plain_text, sayable
from shallowsight.data.tokenizer import train_tokenizer
from shallowsight.model.language.language import load_tokenizer

MARKERS = [
    "</s>",
    "<s>",
    "<|endoftext|>",
    "<|im_start|>",
    "[SEP]",
    "[CLS]",
    "<pad>",
    "<extra_id_0>",
    "<0x41>",
    "</s></s>",
]
# What comes back letter by letter; the others compose, drop accents or have no letter for most of Unicode.
LOSSLESS = ("llama", "gpt2", "scratch", "slow_bytes")


def scratch(folder: Path) -> PreTrainedTokenizerBase:
    train_tokenizer(["What is </s>? <|endoftext|>", "red </s>", "blue"] * 5, 320, folder)
    return load_tokenizer(str(folder))


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PreTrainedTokenizerBase]:
    made: dict[str, PreTrainedTokenizerBase] = {}

    def get(name: str) -> PreTrainedTokenizerBase:
        if name not in made:
            made[name] = (FAMILIES | {"scratch": scratch})[name](tmp_path_factory.mktemp(name))
        return made[name]

    return get


# The same texts every time, and no folder with those of the last.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)
Family = Callable[[str], PreTrainedTokenizerBase]
EVERY = pytest.mark.parametrize("name", [*FAMILIES, "scratch"])
# Sentencepiece writes a space as U+2581: that one letter cannot be told from a space.
LETTERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=12)
SPOKEN = st.lists(st.one_of(LETTERS, st.sampled_from(MARKERS)), min_size=1, max_size=4).map("".join)
SAID = SPOKEN.filter(lambda text: text.strip() != "" and "<image>" not in text)


def as_said(text: str) -> str:
    """What the from-scratch tokenizer and sentencepiece put in front of each span is a space."""
    return text.removeprefix(" ")


@EVERY
@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_in_a_text_is_its_letters(name: str, marker: str, family: Family) -> None:
    tokenizer = family(name)
    ids = plain_ids(f"no {marker} yes", tokenizer)
    assert control_ids(tokenizer).isdisjoint(ids)
    assert {tokenizer.bos_token_id, tokenizer.eos_token_id}.isdisjoint(ids)
    if name in LOSSLESS:
        assert as_said(plain_text(ids, tokenizer)) == f"no {marker} yes"


@EVERY
def test_an_end_after_the_text_is_no_part_of_it(name: str, family: Family) -> None:
    tokenizer = family(name)
    ids = plain_ids("red", tokenizer)
    ended = [*ids, tokenizer.eos_token_id, *ids]
    assert plain_text(ended, tokenizer).replace(" ", "") == "redred"


def test_a_unigram_model_finds_control_pieces_by_itself(family: Family) -> None:
    """So that asking the tokenizer to split them is not enough."""
    tokenizer = family("unigram")
    found = tokenizer.encode("no </s> yes", add_special_tokens=False, split_special_tokens=True)
    assert tokenizer.eos_token_id in found
    assert sayable("no </s> yes", tokenizer) == "no </s> yes"


def test_what_a_tokenizer_says_of_a_text(family: Family) -> None:
    assert sayable("e\u0301", family("qwen2")) == "\u00e9"
    assert sayable("e\u0301", family("gpt2")) == "e\u0301"
    assert sayable("Is it big?", family("wordpiece")) == "is it big?"
    assert sayable("big \uff15", family("slow_sentencepiece")) == "big 5"
    assert sayable("\u732b", family("wordpiece")) is None, "it has no token for it"
    assert sayable(" ", family("wordpiece")) is None


@EVERY
@settings(REPEATABLE, max_examples=60)
@given(text=SPOKEN)
def test_no_text_becomes_a_control_token(name: str, family: Family, text: str) -> None:
    tokenizer = family(name)
    ids = plain_ids(text, tokenizer)
    assert control_ids(tokenizer).isdisjoint(ids)
    if name in LOSSLESS:
        assert as_said(plain_text(ids, tokenizer)) == as_said(text)
    if name == "qwen2":
        assert plain_text(ids, tokenizer) == unicodedata.normalize("NFC", text)


@EVERY
@pytest.mark.parametrize("template", TEMPLATES)
@settings(REPEATABLE, max_examples=25)
@given(turns=st.lists(st.tuples(SAID, SAID), min_size=1, max_size=3), pictured=st.booleans())
def test_labels_are_the_answers_and_their_ends(
    name: str, template: str, family: Family, turns: list[tuple[str, str]], pictured: bool
) -> None:
    tokenizer, form = family(name), TEMPLATES[template]
    example = encode_record(record(turns, pictured), form, tokenizer, image_tokens=4)
    assert len(example.ids) == len(example.labels)
    assert example.ids.count(IMAGE) == 4 * pictured
    at, end = 0, [tokenizer.eos_token_id] if form.after_answer is None else []
    for number, (question, answer) in enumerate(turns):
        prompt = prompt_ids(question, form, tokenizer, 4 * pictured, turns[:number])
        answered = answer_ids(answer, form, tokenizer)
        assert answered[len(answered) - len(end) :] == end
        assert list(example.ids[: len(prompt)]) == prompt, "an evaluation asks what training saw"
        assert set(example.labels[at : len(prompt)]) <= {IGNORE}
        at = len(prompt) + len(answered)
        assert list(example.ids[len(prompt) : at]) == list(example.labels[len(prompt) : at]) == answered
        if name in LOSSLESS:
            said, whole = plain_text(example.labels[len(prompt) : at], tokenizer), answer + (form.after_answer or "")
            assert said in (form.before_answer + whole, whole) or as_said(said) == as_said(whole)
    assert at == len(example.ids)
    assert example.ids.count(tokenizer.eos_token_id) == len(turns) * len(end) + starts(tokenizer)


def starts(tokenizer: PreTrainedTokenizerBase) -> int:
    """Of GPT-2 the start is the end."""
    return int(tokenizer.bos_token_id == tokenizer.eos_token_id)


@EVERY
@pytest.mark.parametrize("pictured", [True, False], ids=["picture", "text alone"])
@pytest.mark.parametrize(
    "turns",
    [
        [("What colour is it?", "red")],
        [("Is it big?", "Yes, it is.\nVery big."), ("How many?", "3"), ("What?", "A red square")],
    ],
    ids=["one turn", "three turns"],
)
def test_v1_is_the_public_recipes_text(name: str, family: Family, turns: list[tuple[str, str]], pictured: bool) -> None:
    """LLaVA encodes the whole conversation as one text, or as two around <image>."""
    tokenizer = family(name)
    end = tokenizer.eos_token
    talk = "".join(f"USER: {asked} ASSISTANT: {answer}{end}" for asked, answer in turns)
    whole = TEMPLATES["v1"].system + (talk.replace("USER: ", "USER: <image>\n", 1) if pictured else talk)
    expected = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    for number, chunk in enumerate(whole.split("<image>")):
        expected += [IMAGE] * number + tokenizer.encode(chunk, add_special_tokens=False)
    found = encode_record(record(turns, pictured), TEMPLATES["v1"], tokenizer, image_tokens=1)
    assert list(found.ids) == expected


@pytest.mark.parametrize("name", ["qwen2", "gpt2", "scratch", "llama", "unigram", "slow_sentencepiece"])
@pytest.mark.parametrize("turns", [[("Is it big?", "yes")], [("Is it big?", "no"), ("How many?", "yes")]])
def test_the_space_before_an_answer_is_in_its_first_token(
    name: str, family: Family, turns: list[tuple[str, str]]
) -> None:
    tokenizer = family(name)
    example = encode_record(record(turns, True), TEMPLATES["v1"], tokenizer, image_tokens=1)
    prompt = prompt_ids(turns[-1][0], TEMPLATES["v1"], tokenizer, 1, turns[:-1])
    first = tokenizer.convert_ids_to_tokens(example.ids[len(prompt)])
    assert first[0] in "\u0120\u2581", "byte-level and sentencepiece tokenizers' names of a space"
    assert tokenizer.convert_ids_to_tokens(example.ids[len(prompt) - 1])[-1] == ":"


def test_a_token_over_the_space_before_an_answer_is_not_used() -> None:
    """The prompt ends before the space, so such a token could not be answered."""
    tokenizer = sentencepiece_bpe(crossing=True)
    (prompt, whole), form = (plain_ids(f" ASSISTANT:{more}", tokenizer) for more in ("", " 0")), TEMPLATES["v1"]
    assert whole[: len(prompt)] != prompt, "or the test shows nothing"
    example = encode_record(record([("Q", "0")], False), form, tokenizer, image_tokens=1)
    assert list(example.ids) == [*prompt_ids("Q", form, tokenizer, 0), *plain_ids("0", tokenizer), 2]


@EVERY
@settings(REPEATABLE, max_examples=40)
@given(question=SAID, answer=SAID)
def test_the_texts_come_back_from_the_ids(name: str, family: Family, question: str, answer: str) -> None:
    tokenizer = family(name)
    example = encode_record(record([(question, answer)], True), TEMPLATES["v1"], tokenizer, image_tokens=4)
    if name in LOSSLESS:
        text = plain_text([i for i in example.ids if i != IMAGE], tokenizer)
        form = TEMPLATES["v1"]
        parts = [form.system + form.before_question, f"\n{question.strip()} ASSISTANT:", form.before_answer + answer]
        assert text in ("".join(parts), "".join(f" {p}" if not p.startswith(" ") else p for p in parts), spaced(parts))


def spaced(parts: list[str]) -> str:
    """Sentencepiece's way: a space before each span, and none at the start of the whole."""
    *asked, answer = parts
    return "".join(f" {part}" for part in asked)[1:] + answer


def record(turns: list[tuple[str, str]], pictured: bool) -> dict[str, Any]:
    talk = []
    for number, (question, answer) in enumerate(turns):
        asked = f"<image>\n{question}" if pictured and not number else question
        talk += [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    return {"id": "a", "conversations": talk} | ({"image": "a.png"} if pictured else {})
