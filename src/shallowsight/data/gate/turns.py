"""Conversations in the OpenAI form, with `role` and `content`, as turns of a LLaVA record."""

from dataclasses import dataclass, field
from typing import Any

from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.gate.records import Record

ROLE_NAMES = {"user": "human", "assistant": "gpt"}
# The kinds of a picture's part, and the keys under which each may have its path.
_PICTURE_KEYS = {"image_url": ("image_url", "url"), "image": ("image", "path", "url")}


@dataclass
class Talk:
    """Turns in our form, and the pictures that parts of them name."""

    turns: list[Any] = field(default_factory=list)
    pictures: list[Any] = field(default_factory=list)


def talk_of(record: Record) -> Talk | None:
    """The turns of `messages`, or of `conversations` with OpenAI's keys; None where there are none such.

    What cannot be read as a turn stays as it is: the rules refuse it.
    """
    messages = record["conversations"] if "conversations" in record else record.get("messages")
    if not isinstance(messages, list) or not (
        "conversations" not in record or any(isinstance(m, dict) and ("role" in m or "content" in m) for m in messages)
    ):
        return None
    talk = Talk()
    talk.turns = [_turn(message, talk.pictures) for message in messages]
    return talk


def _turn(message: object, pictures: list[Any]) -> object:
    """Either name may be used for each of the two, but not both."""
    if not isinstance(message, dict) or ("role" in message) == ("from" in message):
        return message
    if ("content" in message) == ("value" in message):
        return message
    role = message["role"] if "role" in message else message["from"]
    text = _text(message["content"] if "content" in message else message["value"], pictures)
    if not isinstance(role, str) or text is None:
        return message
    if "role" in message:
        role = ROLE_NAMES.get(role, role)
    rest = {key: value for key, value in message.items() if key not in ("role", "from", "content", "value")}
    return {"from": role, "value": text} | rest


def _text(content: object, pictures: list[Any]) -> str | None:
    """A text, or the parts of a message as lines, with the token where the picture's part is; None: neither."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    lines: list[str] = []
    named: list[Any] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            lines.append(part["text"])
        elif isinstance(kind, str) and kind in _PICTURE_KEYS:
            lines.append(IMAGE_TOKEN)
            named += _paths(part, _PICTURE_KEYS[kind])
        else:
            return None
    pictures += named
    return "\n".join(lines)


def _paths(part: dict[str, Any], keys: tuple[str, ...]) -> list[Any]:
    """None where the part only marks the place of the record's own picture."""
    for key in keys:
        if key in part:
            found = part[key]
            return [found.get("url") if isinstance(found, dict) else found]
    return []
