"""Whatever a file holds: nothing crashes, every row is accepted, converted or put aside, and the counts add up."""

import json
import tempfile
from pathlib import Path
from typing import Any

from good_rows import noise
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shallowsight.data.gate.conversions import CONVERSIONS, convert
from shallowsight.data.gate.facts import facts_of, table_of
from shallowsight.data.gate.gate import gate
from shallowsight.data.gate.records import RecordLimits, read_records
from shallowsight.data.gate.rules import broken_rules, rules
from shallowsight.data.records import read_jsonl
from shallowsight.errors import ConfigurationError, DataRefused

# Lone surrogates too: JSON carries them as escapes.
TEXTS = st.text(st.characters(), max_size=12)
KEYS = st.sampled_from(
    [
        "id",
        "image",
        "images",
        "conversations",
        "messages",
        "from",
        "value",
        "role",
        "content",
        "type",
        "text",
        "image_url",
    ]
) | st.text(max_size=4)
WORDS = st.sampled_from(
    ["human", "gpt", "user", "assistant", "system", "<image>", "<image>\nWhat?", "0.png", "", " ", "text"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "image", "image_url"])}, optional={"text": WORDS, "image_url": WORDS}
    ),
    max_size=3,
)
TURNS = st.lists(
    st.fixed_dictionaries({"from": WORDS, "value": WORDS | TEXTS})
    | st.fixed_dictionaries({"role": WORDS, "content": WORDS | PARTS | JSON})
    | JSON,
    max_size=5,
)
NEAR = st.fixed_dictionaries(
    {}, optional={"id": LEAVES, "image": LEAVES | st.lists(WORDS, max_size=2), "images": st.lists(WORDS, max_size=2),
                  "conversations": TURNS, "messages": TURNS}
)  # fmt: skip
GOOD = st.builds(
    lambda number, asked, said: {
        "id": f"good {number}",
        "conversations": [{"from": "human", "value": f"Q{asked}"}, {"from": "gpt", "value": f"A{said}"}],
    },
    st.integers(0, 9),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.integers(),
)
RECORDS = st.dictionaries(KEYS, JSON, max_size=5) | NEAR | GOOD


@given(st.binary(max_size=200), st.sampled_from([".json", ".jsonl"]))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reader(content: bytes, suffix: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        try:
            for _, record in read_records(Path(file.name), RecordLimits(max_chars=100)):
                assert isinstance(record, dict)
        except ConfigurationError as error:
            assert file.name in str(error)


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=4), st.sampled_from([None, 1, "\t"]))
@settings(max_examples=200, deadline=None)
def test_what_json_writes_is_read_as_it_was(records: list[dict[str, Any]], indent: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (file := Path(folder) / "a.json").write_text(json.dumps(records, indent=indent), encoding="utf-8")
        assert list(read_records(file)) == list(enumerate(records, start=1))


@given(RECORDS)
@example({"messages": [{"from": "system", "value": "human"}, {"from": "system", "value": "human"}]})
@example({"image": [[False]]})
@settings(max_examples=500, deadline=None)
def test_every_record_is_converted_or_left_and_then_judged(record: dict[str, Any]) -> None:
    before = json.dumps(record)
    ours, names = convert(record, "a.json row 1")
    assert json.dumps(record) == before
    assert set(names) <= set(CONVERSIONS) and (names or ours is record)
    assert convert(ours, "a.json row 1")[0] == ours, "once is enough"
    assert convert(record, "a.json row 1", CONVERSIONS) == (record, ())
    table = table_of([facts_of(ours, file="a.json", number=1, image_status="ok")])
    reasons = [r for r, places in broken_rules(table, rules(allow_text_only=True, max_chars=100)).items() if places]
    if not reasons:  # then it is in our form
        turns = ours["conversations"]
        assert isinstance(ours["id"], str) and isinstance(ours.get("image", ""), str) and "images" not in ours
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
        assert all(isinstance(turn["value"], str) and turn["value"].strip() for turn in turns)
        assert "".join(turn["value"] for turn in turns).count("<image>") == ("image" in ours)


# Great Expectations takes a third of a second for a table, however small.
@given(st.lists(RECORDS, min_size=1, max_size=30), st.sampled_from([".json", ".jsonl"]))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_row_goes_one_way_and_the_counts_add_up(records: list[dict[str, Any]], suffix: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise(1).save(folder / "0.png")
        lines = [json.dumps(record) for record in records]
        file = folder / f"data{suffix}"
        file.write_text(f"[{','.join(lines)}]" if suffix == ".json" else "\n".join(lines), encoding="utf-8")
        try:
            gate([file], folder, folder / "out", max_bad_share=1)
        except DataRefused as refused:
            assert "no good row is left" in str(refused)
        good = list(read_jsonl(folder / "out" / "data.good.jsonl"))
        aside = list(read_jsonl(folder / "out" / "quarantine.jsonl"))
        validation = json.loads((folder / "out" / "validation.json").read_text())
        assert len(good) + len(aside) == len(records) == validation["rows"]
        assert (validation["good"], validation["bad"]) == (len(good), len(aside))
        assert [entry["record"] for entry in aside] == [records[entry["row"] - 1] for entry in aside]
        kept = [n for n in range(1, len(records) + 1) if n not in {entry["row"] for entry in aside}]
        assert good == [convert(records[n - 1], f"{file.name} row {n}")[0] for n in kept]
        assert validation["converted"] == sum(bool(convert(record, "x")[1]) for record in records) and validation[
            "converted"
        ] <= sum(entry["rows"] for entry in validation["conversions"])
        reasons = [reason for entry in aside for reason in entry["reasons"]]
        assert validation["reasons"] == {reason: reasons.count(reason) for reason in set(reasons)}
        # The good rows are good again, and need no conversion.
        if good:
            again = gate([folder / "out" / "data.good.jsonl"], folder, folder / "again", max_bad_share=0)
            assert (again.good, again.notices) == (len(good), ())
            assert (folder / "again" / "data.good.good.jsonl").read_bytes() == (
                folder / "out" / "data.good.jsonl"
            ).read_bytes()
