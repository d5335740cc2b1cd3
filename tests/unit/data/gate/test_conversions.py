"""Forms of records that LLaVA's users have, and what becomes of them."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from good_rows import Row, Write, row

from shallowsight.data.gate.conversions import CONVERSIONS, convert
from shallowsight.data.gate.gate import gate
from shallowsight.data.gate.rows import read_rows
from shallowsight.errors import DataRefused
from shallowsight.study.data import Conversion

TALK = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]
OURS: Row = {"id": "1", "image": "0.png", "conversations": TALK}
TEXT: Row = {"id": "1", "conversations": [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A cat."}]}


def messages(asked: Any, **more: Any) -> Row:
    return {
        "id": "1",
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "A cat."}],
    } | more


def without(row: Row, key: str) -> Row:
    return {k: v for k, v in row.items() if k != key}


def image_part(**part: Any) -> list[dict[str, Any]]:
    return [part, {"type": "text", "text": "What?"}]


SYSTEM = {"from": "system", "value": "Be brief."}
CONVERTED = {
    "our own form": (OURS, OURS, ()),
    "other keys stay": (OURS | {"model": "x", "tasks": ["a"]}, OURS | {"model": "x", "tasks": ["a"]}, ()),
    "a list of one": (OURS | {"image": ["0.png"]}, OURS, ("image_list",)),
    "images": (without(OURS, "image") | {"images": ["0.png"]}, OURS, ("image_list",)),
    "image null beside images": (OURS | {"image": None, "images": ["0.png"]}, OURS, ("image_list",)),
    "one picture named twice": (OURS | {"images": ["0.png"]}, OURS, ("image_list",)),
    "null": (TEXT | {"image": None}, TEXT, ("no_image",)),
    "empty": (TEXT | {"image": ""}, TEXT, ("no_image",)),
    "no images": (TEXT | {"images": []}, TEXT, ("no_image",)),
    "a number": (OURS | {"id": 1}, OURS, ("number_id",)),
    "no id": (without(OURS, "id"), OURS | {"id": "a.json row 7"}, ("made_id",)),
    "id null": (OURS | {"id": None}, OURS | {"id": "a.json row 7"}, ("made_id",)),
    "id blank": (OURS | {"id": " "}, OURS | {"id": "a.json row 7"}, ("made_id",)),
    "roles": (
        OURS | {"conversations": [TALK[0] | {"from": "user"}, TALK[1] | {"from": "assistant"}]}, OURS, ("roles",)
    ),
    "one role": (OURS | {"conversations": [TALK[0], TALK[1] | {"from": "assistant"}]}, OURS, ("roles",)),
    "system": (OURS | {"conversations": [SYSTEM, *TALK]}, OURS, ("system_turn",)),
    "messages": (messages("<image>\nWhat?", image="0.png"), OURS, ("messages",)),
    "messages without a picture": (messages("What?"), TEXT, ("messages",)),
    "messages with a system turn": (
        {"id": "1", "messages": [{"role": "system", "content": "Be brief."}, *messages("What?")["messages"]]},
        TEXT,
        ("messages", "system_turn"),
    ),
    "messages under conversations": (
        {"id": "1", "image": "0.png", "conversations": messages("<image>\nWhat?")["messages"]}, OURS, ("messages",)
    ),
    "role and value": (
        OURS | {"conversations": [{"role": "user", "value": "<image>\nWhat?"}, TALK[1]]}, OURS, ("messages",)
    ),
    "text parts": (messages([{"type": "text", "text": "Wh"}, {"type": "text", "text": "at?"}]),
                   TEXT | {"conversations": [{"from": "human", "value": "Wh\nat?"}, TEXT["conversations"][1]]},
                   ("messages",)),
    "image_url": (messages(image_part(type="image_url", image_url={"url": "0.png"})), OURS, ("messages",)),
    "image_url as text": (messages(image_part(type="image_url", image_url="0.png")), OURS, ("messages",)),
    "image part": (messages(image_part(type="image", image="0.png")), OURS, ("messages",)),
    "image part with a path": (messages(image_part(type="image", path="0.png")), OURS, ("messages",)),
    "an image part that marks the place": (messages(image_part(type="image"), image="0.png"), OURS, ("messages",)),
    "the same with images": (
        messages(image_part(type="image"), images=["0.png"]), OURS, ("messages", "image_list")
    ),
    "the image in both": (messages(image_part(type="image", image="0.png"), image="0.png"), OURS, ("messages",)),
    "the image after the text": (
        messages([{"type": "text", "text": "What?"}, {"type": "image", "image": "0.png"}]),
        OURS | {"conversations": [{"from": "human", "value": "What?\n<image>"}, TALK[1]]},
        ("messages",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", CONVERTED)
def test_form(form: str) -> None:
    found, ours, names = CONVERTED[form]
    before = json.dumps(found)
    assert convert(found, "a.json row 7") == (ours, names)
    assert json.dumps(found) == before, "what was given is not changed"
    assert convert(ours, "a.json row 7") == (ours, ()), "and its result needs no more"


def test_every_conversion_is_tried_and_has_a_name_in_the_configuration() -> None:
    assert {name for _, _, names in CONVERTED.values() for name in names} == set(CONVERSIONS)
    assert get_args(Conversion) == tuple(CONVERSIONS)


STAYS: dict[str, tuple[Row, str]] = {
    "two images": (OURS | {"image": ["0.png", "1.png"]}, "several_images"),
    "two under images": (without(OURS, "image") | {"images": ["0.png", "1.png"]}, "several_images"),
    "two parts": (
        messages([{"type": "image", "image": "0.png"}, *image_part(type="image", image="1.png")]), "several_images"
    ),
    "a part and another image": (messages(image_part(type="image", image="1.png"), image="0.png"), "several_images"),
    "one picture in two parts": (
        messages([{"type": "image", "image": "0.png"}, *image_part(type="image", image="0.png")]), "image_token_count"
    ),
    "a part and the token": (
        messages([{"type": "image", "image": "0.png"}, {"type": "text", "text": "<image> What?"}]), "image_token_count"
    ),
    "a part and no picture": (messages(image_part(type="image")), "image_token_in_text_row"),
    "a picture of the web": (
        messages(image_part(type="image_url", image_url={"url": "https://x.org/0.png"})), "image_escapes_folder"
    ),
    "a picture in the text": (
        messages(image_part(type="image_url", image_url={"url": "data:image/png;base64,AA"})), "image_escapes_folder"
    ),
    "an image part of nothing": (messages(image_part(type="image_url", image_url={})), "image_token_in_text_row"),
    "sound": (messages([{"type": "input_audio", "input_audio": {}}]), "malformed_turn"),
    "no text": (messages(None), "malformed_turn"),
    "two roles in a turn": (
        OURS | {"conversations": [{"from": "human", "role": "user", "content": "<image>"}, TALK[1]]}, "malformed_turn"
    ),
    "a tool's turn": (
        {"id": "1", "messages": [*messages("What?")["messages"], {"role": "tool", "content": "4"}]}, "unknown_role"
    ),
    "a second system turn": (OURS | {"conversations": [SYSTEM, SYSTEM, *TALK]}, "unknown_role"),
    "a system turn with the token": (
        OURS | {"conversations": [SYSTEM | {"value": "<image>"}, TEXT["conversations"][0], TALK[1]]}, "unknown_role"
    ),
    "an id that is true": (OURS | {"id": True}, "missing_id"),
    "a picture that is a number": (OURS | {"image": [7]}, "image_is_not_text"),
}  # fmt: skip


def test_what_cannot_be_converted_is_refused_for_a_reason(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [found | ({} if found["id"] is True else {"id": str(n)}) for n, (found, _) in enumerate(STAYS.values())]
    gate([write([row(1000), *rows])], images, tmp_path / "out", max_bad_share=1)
    found = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert [entry["record"] for entry in found] == rows, "as they were found"
    for (form, (_, reason)), entry in zip(STAYS.items(), found, strict=True):
        assert reason in entry["reasons"], form


REFUSED = {
    "messages": (messages("What?"), "no_turns"),
    "system_turn": (OURS | {"conversations": [SYSTEM, *TALK]}, "unknown_role"),
    "roles": (OURS | {"conversations": [TALK[0] | {"from": "user"}, TALK[1]]}, "unknown_role"),
    "image_list": (OURS | {"image": ["0.png"]}, "image_is_a_list"),
    "no_image": (TEXT | {"image": None}, "image_is_not_text"),
    "number_id": (OURS | {"id": 1}, "missing_id"),
    "made_id": (without(OURS, "id"), "missing_id"),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_can_be_refused(images: Path, write: Write, tmp_path: Path, name: str) -> None:
    found, reason = REFUSED[name]
    file = write([row(1000), found])
    report = gate([file], images, tmp_path / "a", max_bad_share=0)
    assert report.bad == 0 and json.loads((tmp_path / "a" / "validation.json").read_text())["converted"] == 1
    with pytest.raises(DataRefused, match=f"{reason} 1"):
        gate([file], images, tmp_path / "b", max_bad_share=0, refuse_conversions=[name])


def test_conversions_are_counted_and_shown(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [row(n) for n in range(4)]
    rows[1]["image"], rows[2]["id"], rows[3]["image"] = ["0.png"], 2, ["1.png"]
    rows[3]["id"] = 3
    report = gate([write(rows)], images, tmp_path / "out", max_bad_share=0)
    assert report.notices == (
        f"3 of 4 rows converted: image_list 2, number_id 2; examples: {tmp_path}/out/validation.html",
    )
    validation = json.loads((tmp_path / "out" / "validation.json").read_text())
    listed, number = validation["conversions"]
    assert (listed["name"], listed["rows"], listed["row"]) == ("image_list", 2, "data.json row 2")
    assert (number["name"], number["rows"], number["row"]) == ("number_id", 2, "data.json row 3")
    assert json.loads(number["found"])["id"] == 2 and json.loads(number["became"])["id"] == "2"
    page = (tmp_path / "out" / "validation.html").read_text()
    assert "3 rows were brought into the form" in page and CONVERSIONS["number_id"] in page


def test_rows_without_an_id_are_equal_when_all_the_rest_is(images: Path, write: Write, tmp_path: Path) -> None:
    rows = [without(row(n), "id") for n in (1, 2, 1)]
    report = gate([write(rows)], images, tmp_path / "out", max_bad_share=0.5)
    assert report.reasons == {"duplicate": 1}
    (entry,) = map(json.loads, report.quarantine.read_text().splitlines())
    assert (entry["row"], entry["id"]) == (3, "data.json row 3")
    assert entry["faults"][0]["cause"] == "the same as row 1"


def test_a_made_id_does_not_say_where_the_file_is(write: Write) -> None:
    (found,) = read_rows(write([without(OURS, "id")]))
    assert found.record["id"] == "data.json row 1"
