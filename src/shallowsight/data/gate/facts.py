"""The facts of one record as one flat row, so that rules are about columns and not about JSON."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from shallowsight.data.gate.records import Record

IMAGE_TOKEN = "<image>"
ROLES = ("human", "gpt")


class Facts(NamedTuple):
    """One row of the table. Texts are safe to print and store (lone surrogates escaped)."""

    file: str
    number: int  # in its file, from 1
    id: str | None
    image: str | None
    image_type: str  # text, absent, null, list, several, other
    image_status: str  # ok, none, missing, unreadable, wrong_format, too_large, escapes_folder
    occurrence: int  # 1 for the first of equal rows
    n_turns: int
    odd_turns: bool
    readable: bool  # at least one turn, and none malformed
    roles: str  # "human,gpt,..."; "unknown" for another role, "malformed" for a turn that cannot be read
    malformed_turns: int
    unknown_roles: int
    n_image_tokens: int  # in all turns except replies
    n_reply_image_tokens: int
    image_token_in_first_turn: bool
    empty_replies: int
    empty_questions: int
    chars: int  # of all turns
    reply_chars: int
    questions: str  # all turns except replies, with a line break between two
    replies: str
    broken_text: bool


Table = dict[str, list[Any]]  # column -> its value in every row
COLUMNS = Facts._fields


def table_of(rows: Iterable[Facts]) -> Table:
    """The facts of rows, column by column, without a tuple for each row."""
    table: Table = {column: [] for column in COLUMNS}
    columns = list(table.values())
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return table


def facts_of(record: Record, *, file: str, number: int, image_status: str = "none", texts: bool = True) -> Facts:
    """The facts of one record; never raises, whatever the record holds.

    Without `texts`, the columns `questions` and `replies` stay empty.
    """
    conversation = record.get("conversations")
    turns = [_turn(turn) for turn in conversation] if isinstance(conversation, list) else []
    roles = [role for role, _ in turns]
    replies = [text for role, text in turns if role == "gpt"]
    questions = [text for role, text in turns if role == "human" or role == "unknown"]
    malformed, reply_chars = roles.count("malformed"), sum(map(len, replies))
    image, identity = record.get("image"), id_of(record)
    asked, replied = "\n".join(questions), "\n".join(replies)
    said = f"{asked}\n{replied}\n{image if isinstance(image, str) else ''}\n{identity or ''}"
    broken = not said.isascii() and _printable(said) != said
    return Facts(
        file,
        number,
        _printable(identity) if broken and identity else identity,
        (_printable(image) if broken else image) if isinstance(image, str) else None,
        _image_type(record),
        image_status,
        1,
        n_turns=len(turns),
        odd_turns=len(turns) % 2 == 1,
        readable=bool(turns) and not malformed,
        roles=",".join(roles),
        malformed_turns=malformed,
        unknown_roles=roles.count("unknown"),
        # The texts are joined by line breaks, which the token does not contain, so that joining makes no new token.
        n_image_tokens=asked.count(IMAGE_TOKEN),
        n_reply_image_tokens=replied.count(IMAGE_TOKEN),
        image_token_in_first_turn=bool(turns) and turns[0][0] != "gpt" and IMAGE_TOKEN in turns[0][1],
        empty_replies=_blank(replies),
        empty_questions=_blank(questions),
        chars=reply_chars + sum(map(len, questions)),
        reply_chars=reply_chars,
        questions=(_printable(asked) if broken else asked) if texts else "",
        replies=(_printable(replied) if broken else replied) if texts else "",
        broken_text=broken,
    )


def id_of(record: Record) -> str | None:
    """The id; None when it is absent, blank or not a text."""
    found = record.get("id")
    return found if isinstance(found, str) and found.strip() else None


def pictures_of(record: Record) -> list[Any]:
    """The values under `image` and `images`, each once: paths, or whatever else the record has there."""
    found: list[Any] = []
    for key in ("image", "images"):
        value = record.get(key)
        for picture in value if isinstance(value, list) else [value]:
            if picture is not None and picture != "" and picture not in found:
                found.append(picture)
    return found


def _image_type(record: Record) -> str:
    image = record.get("image")
    if isinstance(image, str) and "images" not in record:
        return "text"
    if "image" not in record and "images" not in record:
        return "absent"
    if len(pictures_of(record)) > 1:
        return "several"
    if isinstance(image, list) or "images" in record:
        return "list"
    return "null" if image is None else "other"


def _turn(turn: object) -> tuple[str, str]:
    if isinstance(turn, dict):
        role, text = turn.get("from"), turn.get("value")
        if isinstance(role, str) and isinstance(text, str):
            return (role if role in ROLES else "unknown"), text
    return "malformed", ""


def _blank(texts: list[str]) -> int:
    return len([text for text in texts if not text or text.isspace()])


def _printable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
