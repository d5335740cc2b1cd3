"""The study's conversation template as a chat template of transformers, and whether it gives the same tokens."""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from transformers import AddedToken, PreTrainedTokenizerBase

from shallowsight.data.conversation import IMAGE, Template, prompt_ids
from shallowsight.data.gate.facts import IMAGE_TOKEN

_PICTURE_TOKENS = 3
_QUESTIONS = ("What is this?", "How many red apples are on the table, 12 or 7?", "Où est l'œuvre?")
_ANSWER = "yes, 3"

# A message's content is a text, which may have the image token in it, or a list of parts. As in training, the picture
# comes before the first question, wherever the message has it.
_JINJA = """\
{%- set seen = namespace(pictures=0, turns=0) -%}
{%- for message in messages -%}
{%- if message['content'] is string -%}
{%- set seen.pictures = seen.pictures + message['content'].split(image) | length - 1 -%}
{%- else -%}
{%- set seen.pictures = seen.pictures + message['content'] | selectattr('type', 'equalto', 'image') | list | length -%}
{%- endif -%}
{%- endfor -%}
{%- if seen.pictures > 1 -%}
{{- raise_exception('this model was trained on one picture, got ' ~ seen.pictures) -}}
{%- endif -%}
{%- for message in messages -%}
{%- set said = namespace(text='') -%}
{%- if message['content'] is string -%}
{%- set said.text = message['content'] -%}
{%- else -%}
{%- for part in message['content'] if part['type'] == 'text' -%}
{%- set said.text = said.text ~ part['text'] -%}
{%- endfor -%}
{%- endif -%}
{%- if message['role'] == 'user' -%}
{%- if seen.turns == 0 -%}
{{- start ~ before_first ~ (image ~ after_image if seen.pictures else '') -}}
{%- else -%}
{{- before_question -}}
{%- endif -%}
{%- if asks -%}
{{- said.text.replace(image, '') | trim ~ after_question -}}
{%- endif -%}
{%- set seen.turns = seen.turns + 1 -%}
{%- elif message['role'] == 'assistant' -%}
{{- before_answer ~ said.text ~ after_answer -}}
{%- else -%}
{{- raise_exception('this model knows the roles user and assistant, got ' ~ message['role']) -}}
{%- endif -%}
{%- endfor -%}
"""


@dataclass(frozen=True)
class Prompt:
    """A chat template, and how its tokens differ from the study's, in sentences; empty if they are equal."""

    chat_template: str
    differences: tuple[str, ...]


def with_image_token(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A copy of the tokenizer in which `<image>` is one special token."""
    made = deepcopy(tokenizer)
    made.add_tokens([AddedToken(IMAGE_TOKEN, special=True, normalized=False)], special_tokens=True)
    return made


def chat_prompt(template: Template, own: PreTrainedTokenizerBase, stock: PreTrainedTokenizerBase) -> Prompt:
    """The chat template by which `stock`, which has the image token, gives the tokens that the study gave with `own`.

    Some tokenizers put a space before each text. An answer is then a text of its own in training, but not in a chat
    template, so the space must be in the template.
    """
    prompts = []
    for before_answer in (template.before_answer, " ", ""):
        chat_template = _chat_template(template, stock, before_answer)
        prompts.append(Prompt(chat_template, _differences(chat_template, template, own, stock)))
    return min(prompts, key=lambda prompt: len(prompt.differences))


def _chat_template(template: Template, tokenizer: PreTrainedTokenizerBase, before_answer: str) -> str:
    starts = tokenizer.bos_token is not None and not _adds_start(tokenizer)
    values = {
        "image": json.dumps(IMAGE_TOKEN),
        "start": "bos_token" if starts else "''",
        "before_first": json.dumps(template.system + template.before_question),
        "after_image": json.dumps(template.after_image),
        "before_question": json.dumps(template.before_question),
        "asks": json.dumps(template.asks),
        "after_question": json.dumps(template.after_question),
        "before_answer": json.dumps(before_answer),
        "after_answer": "eos_token" if template.after_answer is None else json.dumps(template.after_answer),
    }
    return "".join(f"{{%- set {name} = {value} -%}}\n" for name, value in values.items()) + _JINJA


def _adds_start(tokenizer: PreTrainedTokenizerBase) -> bool:
    ids = tokenizer("a")["input_ids"]
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def _differences(
    chat_template: str, template: Template, own: PreTrainedTokenizerBase, stock: PreTrainedTokenizerBase
) -> tuple[str, ...]:
    earlier = ((_QUESTIONS[0], _ANSWER),)
    cases: dict[str, tuple[int, Sequence[tuple[str, str]]]] = {
        "a question about a picture": (_PICTURE_TOKENS, ()),
        "a question without a picture": (0, ()),
        "a later question": (_PICTURE_TOKENS, earlier),
    }
    image = stock.convert_tokens_to_ids(IMAGE_TOKEN)
    found = []
    for name, (tokens, before) in cases.items():
        for question in _QUESTIONS:
            expected = prompt_ids(question, template, own, tokens, before)
            ids = _stock_ids(question, chat_template, stock, tokens, before)
            if ids != [image if i == IMAGE else i for i in expected]:
                found.append(f"{name} has other tokens than in the training")
                break
    return tuple(found)


def _stock_ids(
    question: str,
    chat_template: str,
    tokenizer: PreTrainedTokenizerBase,
    picture_tokens: int,
    earlier: Sequence[tuple[str, str]],
) -> list[int]:
    """The ids as LlavaProcessor makes them: from the text of the chat template, the image token repeated."""
    messages: list[dict[str, Any]] = []
    for asked, answer in earlier:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    messages.append({"role": "user", "content": question})
    if picture_tokens:
        messages[0]["content"] = f"{IMAGE_TOKEN}\n{messages[0]['content']}"
    text = tokenizer.apply_chat_template(
        messages, chat_template=chat_template, tokenize=False, add_generation_prompt=True
    )
    ids: list[int] = tokenizer(text.replace(IMAGE_TOKEN, IMAGE_TOKEN * picture_tokens))["input_ids"]
    return ids
