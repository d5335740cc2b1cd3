"""Convert the common forms of records into the one form that every part after the data gate reads.

That form is LLaVA's own: a text `id`, an `image` that is a path or absent, `conversations` of `human` and `gpt`.
"""

from collections.abc import Callable, Collection

from shallowsight.data.gate.facts import IMAGE_TOKEN, ROLES, pictures_of
from shallowsight.data.gate.records import Record
from shallowsight.data.gate.turns import ROLE_NAMES, talk_of

# The name of each conversion, also for `data.refuse_conversions`, and what it does.
CONVERSIONS = {
    "messages": "the OpenAI form (`messages`, `role` and `content`, parts) becomes `conversations`",
    "system_turn": "a system turn at the start is left out: the template has its own text",
    "roles": "the roles `user` and `assistant` become `human` and `gpt`",
    "image_list": "a list of one picture, under `image` or `images`, becomes the picture",
    "no_image": "an `image` or `images` that is null or empty is left out: the row is a text row",
    "number_id": "an id that is a number becomes text",
    "made_id": "a row without an id gets one from its file and row number",
}

_KEYS = {"from", "value"}


def convert(record: Record, name: str, refused: Collection[str] = ()) -> tuple[Record, tuple[str, ...]]:
    """The converted record and the names of the conversions that were needed, which may be none.

    A record that cannot be converted, or only by a refused conversion, stays unchanged, and the rules refuse it.

    Args:
        record: it is not changed itself.
        name: the id for a record without one.
        refused: names of CONVERSIONS.
    """
    if _is_ours(record):
        return record, ()
    done = []
    for step, change in _STEPS.items():
        if step not in refused and (changed := change(record, name)) is not None:
            record = changed
            done.append(step)
    return record, tuple(done)


def _is_ours(record: Record) -> bool:
    """Whether no conversion can apply: a quick check that settles most records."""
    found, turns = record.get("id"), record.get("conversations")
    if not isinstance(found, str) or not found.strip() or "images" in record or not isinstance(turns, list):
        return False
    if "image" in record and not (isinstance(record["image"], str) and record["image"]):
        return False
    return all([isinstance(turn, dict) and turn.keys() == _KEYS and turn["from"] in ROLES for turn in turns])


def _messages(record: Record, _: str) -> Record | None:
    talk = talk_of(record)
    if talk is None:
        return None
    found = {key: value for key, value in record.items() if key != "messages"} | {"conversations": talk.turns}
    if not talk.pictures:
        return found
    pictures = pictures_of(record)
    pictures += [picture for picture in talk.pictures if picture not in pictures]
    return _without_images(found) | {"image": pictures[0] if len(pictures) == 1 else pictures}


def _system_turn(record: Record, _: str) -> Record | None:
    turns = record.get("conversations")
    if not isinstance(turns, list) or [_is_system(turn) for turn in turns[:2]] not in ([True], [True, False]):
        return None  # of two system turns nobody knows which one counts: the rules refuse them
    text = turns[0].get("value")
    # A system turn with the image token cannot be left out, because it gives the place of the picture.
    if not isinstance(text, str) or IMAGE_TOKEN in text:
        return None
    return record | {"conversations": turns[1:]}


def _is_system(turn: object) -> bool:
    return isinstance(turn, dict) and turn.get("from") == "system"


def _roles(record: Record, _: str) -> Record | None:
    turns = record.get("conversations")
    if not isinstance(turns, list) or not any(_other_role(turn) for turn in turns):
        return None
    changed = [turn | {"from": ROLE_NAMES[turn["from"]]} if _other_role(turn) else turn for turn in turns]
    return record | {"conversations": changed}


def _other_role(turn: object) -> bool:
    if not isinstance(turn, dict):
        return False
    role = turn.get("from")
    return isinstance(role, str) and role in ROLE_NAMES


def _image_list(record: Record, _: str) -> Record | None:
    if "images" not in record and not isinstance(record.get("image"), list):
        return None
    pictures = pictures_of(record)
    if len(pictures) != 1 or isinstance(pictures[0], list):
        return None
    return _without_images(record) | {"image": pictures[0]}


def _no_image(record: Record, _: str) -> Record | None:
    if "image" not in record and "images" not in record:
        return None
    return None if pictures_of(record) else _without_images(record)


def _without_images(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in ("image", "images")}


def _number_id(record: Record, _: str) -> Record | None:
    found = record.get("id")
    if isinstance(found, int | float) and not isinstance(found, bool):
        return record | {"id": str(found)}
    return None


def _made_id(record: Record, name: str) -> Record | None:
    found = record.get("id")
    return record | {"id": name} if found is None or (isinstance(found, str) and not found.strip()) else None


# Applied in this order, because a conversion reads the result of those before it.
_STEPS: dict[str, Callable[[Record, str], Record | None]] = {
    "messages": _messages,
    "system_turn": _system_turn,
    "roles": _roles,
    "image_list": _image_list,
    "no_image": _no_image,
    "number_id": _number_id,
    "made_id": _made_id,
}
