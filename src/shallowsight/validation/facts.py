"""What the data gate knows of one record: one flat row, so that rules are about columns and not about JSON."""

from dataclasses import dataclass

from shallowsight.validation.records import Record

IMAGE_TOKEN = "<image>"
ROLES = ("human", "gpt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One row of the table. Texts are safe to print and store (lone surrogates escaped)."""

    file: str
    number: int  # in its file, from 1
    id: str | None
    image: str | None
    image_type: str  # text, absent, null, list, other
    image_status: str  # ok, none, missing, unreadable, wrong_format, too_large, escapes_folder
    occurrence: int  # 1 for the first of equal rows
    n_turns: int
    odd_turns: bool
    readable: bool  # at least one turn, and none malformed
    roles: str  # "human,gpt,..."; "unknown" and "malformed" stand for what is neither
    malformed_turns: int
    unknown_roles: int
    n_image_tokens: int  # in all turns that are no reply
    n_reply_image_tokens: int
    image_token_in_first_turn: bool
    empty_replies: int
    empty_questions: int
    chars: int
    broken_text: bool

    @property
    def label(self) -> str:
        """How a person finds this row again."""
        return self.id if self.id is not None else f"{self.file} row {self.number}"


def facts_of(record: Record, *, file: str, number: int, occurrence: int, image_status: str = "none") -> Facts:
    """Flatten one raw record; never raises, whatever the record holds."""
    conversation = record.get("conversations")
    turns = [_turn(turn) for turn in conversation] if isinstance(conversation, list) else []
    replies = [text for role, text in turns if role == "gpt"]
    questions = [text for role, text in turns if role in ("human", "unknown")]
    malformed = sum(role == "malformed" for role, _ in turns)
    image, identity = record.get("image"), id_of(record)
    texts = [text for _, text in turns] + [text for text in (image, identity) if isinstance(text, str)]
    return Facts(
        file=file,
        number=number,
        id=None if identity is None else _printable(identity),
        image=_printable(image) if isinstance(image, str) else None,
        image_type=_image_type(record),
        image_status=image_status,
        occurrence=occurrence,
        n_turns=len(turns),
        odd_turns=len(turns) % 2 == 1,
        readable=bool(turns) and not malformed,
        roles=",".join(role for role, _ in turns),
        malformed_turns=malformed,
        unknown_roles=sum(role == "unknown" for role, _ in turns),
        n_image_tokens=sum(text.count(IMAGE_TOKEN) for text in questions),
        n_reply_image_tokens=sum(text.count(IMAGE_TOKEN) for text in replies),
        image_token_in_first_turn=bool(turns) and turns[0][0] != "gpt" and IMAGE_TOKEN in turns[0][1],
        empty_replies=sum(not text.strip() for text in replies),
        empty_questions=sum(not text.strip() for text in questions),
        chars=sum(len(text) for _, text in turns),
        broken_text=any(_printable(text) != text for text in texts),
    )


def id_of(record: Record) -> str | None:
    """The id as text; None when it is absent, blank or neither text nor integer."""
    found = record.get("id")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found.strip() else None


def _image_type(record: Record) -> str:
    if "image" not in record:
        return "absent"
    match record["image"]:
        case str():
            return "text"
        case None:
            return "null"
        case list():
            return "list"
        case _:
            return "other"


def _turn(turn: object) -> tuple[str, str]:
    if isinstance(turn, dict):
        role, text = turn.get("from"), turn.get("value")
        if isinstance(role, str) and isinstance(text, str):
            return (role if role in ROLES else "unknown"), text
    return "malformed", ""


def _printable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
