"""Convert conversations in the OpenAI form, with `role` and `content`, into turns of a LLaVA record."""

from dataclasses import dataclass, field
from typing import Any

from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.data.gate.records import Record

ROLE_NAMES = {"user": "human", "assistant": "gpt"}
# The types of a part that is a picture, and the keys under which each type may have the path.
_PICTURE_KEYS = {"image_url": ("image_url", "url"), "image": ("image", "path", "url")}


@dataclass
class Talk:
    """The converted turns, and the pictures that parts of the messages name."""

    turns: list[Any] = field(default_factory=list)
    pictures: list[Any] = field(default_factory=list)


def talk_of(record: Record) -> Talk | None:
    """The turns of `messages`, or of `conversations` with OpenAI's keys; None for a record without these.

    A message that cannot be converted into a turn stays unchanged, and the rules refuse it.
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
    """A turn from a message, which has `role` or `from`, and `content` or `value`, but not both names of one."""
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
    """The content as a text: a list of parts becomes lines, a picture the image token; None for any other content."""
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
    """The paths in a picture's part; empty if the part only marks the place of the record's own picture."""
    for key in keys:
        if key in part:
            found = part[key]
            return [found.get("url") if isinstance(found, dict) else found]
    return []
