"""A user's own rules: expectations of Great Expectations over the columns of the facts, and thresholds for rules.

```yaml
expectations:
  - type: expect_column_values_to_not_match_regex
    kwargs: {column: replies, regex: "(?i)as an ai language model", mostly: 0.98}
    reason: model_speaks_of_itself        # this key and those below may be left out
    words: no reply speaks of the model
    where: {image_type: text}             # only rows with these values
thresholds:
  image_missing: 0.05                     # share of the rows that may break a rule, built-in or own
```
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shallowsight.data.gate.facts import COLUMNS
from shallowsight.data.gate.rules import REASONS
from shallowsight.errors import ConfigurationError
from shallowsight.study.value_faults import says
from shallowsight.study.yaml_lines import Document, read_document

# Expectations that check each row alone. The others need the whole table, but rows are checked in chunks.
TYPES = (
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_column_pair_values_to_be_in_set",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_be_json_parseable",
    "expect_column_values_to_be_null",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_match_regex_list",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_not_match_regex",
    "expect_column_values_to_not_match_regex_list",
    "expect_multicolumn_sum_to_equal",
)
_COLUMN_KEYS = ("column", "column_A", "column_B", "column_list")
_Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class OwnRule:
    """One expectation of the user."""

    reason: str
    words: str
    type: str
    kwargs: dict[str, Any]  # without `mostly`
    where: tuple[tuple[str, str | int | bool], ...] = ()
    place: str = ""  # my_rules.yaml:3

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it checks."""
        return _columns(self.kwargs)


@dataclass(frozen=True, kw_only=True)
class OwnRules:
    """The content of a file of rules; `allowed` is reason -> the share of the checked rows that may break the rule."""

    rules: tuple[OwnRule, ...] = ()
    allowed: dict[str, Fraction] = field(default_factory=dict)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: str
    kwargs: dict[str, Any]
    reason: Annotated[str, Field(min_length=1)] | None = None
    words: str | None = None
    where: dict[str, bool | int | str] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expectations: list[_Entry] = []
    thresholds: dict[str, _Share] = {}


def read_own_rules(path: Path, called: str | None = None) -> OwnRules:
    """Read a file of rules; `called` is its name in messages, if `path` is a copy.

    Raises:
        ConfigurationError: an entry is not a rule; the message has its line. `Suite` checks the rules' arguments.
    """
    document = read_document(path, called)
    try:
        found = _File.model_validate(document.value)
    except ValidationError as error:
        fault = error.errors()[0]
        where = document.where([step for step in fault["loc"] if isinstance(step, str | int)])
        raise ConfigurationError(f"{where}: {'.'.join(map(str, fault['loc']))}: {says(fault)}") from None
    rules, allowed = [], {}
    taken = dict.fromkeys(REASONS, "a rule of shallowsight")
    for number, entry in enumerate(found.expectations):
        rule = _rule(entry, document, number)
        if rule.reason in taken:
            raise ConfigurationError(
                f"{rule.place}: {rule.reason!r} is {taken[rule.reason]} already; give it another `reason:`"
            )
        taken[rule.reason] = f"the rule of {rule.place}"
        rules.append(rule)
        if (mostly := entry.kwargs.get("mostly")) is not None:
            allowed[rule.reason] = 1 - _fraction(mostly, rule.place)
    for reason, share in found.thresholds.items():
        where = document.where(["thresholds", reason])
        if reason not in taken:
            raise ConfigurationError(f"{where}: no rule {reason!r}{_near(reason, taken)}")
        if reason in allowed:
            raise ConfigurationError(f"{where}: {reason!r} has `mostly` already; give one of the two")
        allowed[reason] = Fraction(str(share))
    return OwnRules(rules=tuple(rules), allowed=allowed)


def _rule(entry: _Entry, document: Document, number: int) -> OwnRule:
    place = document.where(["expectations", number])
    if entry.type not in TYPES:
        raise ConfigurationError(
            f"{place}: no expectation {entry.type!r} that checks each row alone{_near(entry.type, TYPES)}"
        )
    rule = OwnRule(
        reason=entry.reason or f"{entry.type.removeprefix('expect_')}:{'+'.join(_columns(entry.kwargs))}",
        words=entry.words or entry.type.replace("_", " "),
        type=entry.type,
        kwargs={key: value for key, value in entry.kwargs.items() if key != "mostly"},
        where=tuple(entry.where.items()),
        place=place,
    )
    for column in (*rule.columns, *entry.where):
        if column not in COLUMNS:
            raise ConfigurationError(f"{place}: no column {column!r}{_near(column, COLUMNS)}")
    return rule


def _columns(kwargs: dict[str, Any]) -> tuple[str, ...]:
    values = [kwargs[key] for key in _COLUMN_KEYS if key in kwargs]
    return tuple(str(name) for value in values for name in (value if isinstance(value, list) else [value]))


def _fraction(mostly: Any, place: str) -> Fraction:
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        raise ConfigurationError(f"{place}: mostly is {mostly!r}; allowed: a share from 0 to 1")
    return Fraction(str(mostly))


def _near(name: str, known: Iterable[str]) -> str:
    listed = list(known)
    near = difflib.get_close_matches(name, listed, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(listed)}"
