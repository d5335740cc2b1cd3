"""docs/data.md says what the code says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from shallowsight.data.gate.conversions import CONVERSIONS, convert
from shallowsight.data.gate.facts import COLUMNS
from shallowsight.data.gate.own_rules import TYPES, read_own_rules
from shallowsight.data.gate.rules import REASONS
from shallowsight.data.gate.suite import try_own_rules

PAGE = (Path(__file__).parents[4] / "docs" / "data.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)


def test_every_conversion_and_no_other() -> None:
    assert list(dict.fromkeys(first_cells(section("Accepted forms")))) == list(CONVERSIONS)


def test_every_rule_in_order_and_no_other() -> None:
    assert first_cells(section("Rules")) == list(REASONS)


def test_every_column_and_no_other() -> None:
    said = section("Rules of your own").split("Columns, one value a row: ")[1].split("\n\n")[0]
    without_values = re.sub(r"\([^)]*\)", "", said)
    assert re.findall(r"`([a-z_]+)`", without_values) == list(COLUMNS)


def test_every_type_and_no_other() -> None:
    said = section("Rules of your own").split("Types are those")[1]
    assert sorted(re.findall(r"`(expect_[a-z_]+)`", said)) == sorted(TYPES)


def test_the_rules_of_the_page_are_rules(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(expectations:.*?)```", PAGE, re.DOTALL)
    (file := tmp_path / "my_rules.yaml").write_text(block, encoding="utf-8")
    found = read_own_rules(file)
    try_own_rules(found.rules)
    assert set(found.allowed) == {"speaks_of_itself", "image_missing"} and len(yaml.safe_load(block)) == 2


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (name, found)
        for line in section("Accepted forms").splitlines()
        if (cells := line.split(" | ")) and (name := cells[0].strip("| `")) in CONVERSIONS
        for found in re.findall(r'`("(?:image|images|id|messages)": (?:[^`])+)`', cells[1])
    ],
)
def test_a_form_of_the_page_is_converted(name: str, found: str) -> None:
    talk = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A cat."}]
    record = json.loads(f"{{{found}}}")
    whole = {"id": "1"} | ({} if "messages" in record else {"conversations": talk}) | record
    assert convert(whole, "a row 1")[1] == (name,)
