"""The same rules as a Great Expectations suite, so that the verdict does not rest on our own loop alone.

Built-in expectations only, an ephemeral context, no network, no analytics, no console noise.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any

from shallowsight.errors import MissingPackage, ShallowsightError
from shallowsight.validation.facts import Facts
from shallowsight.validation.rules import Rule

_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What one expectation found."""

    name: str  # in words
    reason: str
    column: str
    success: bool
    unexpected: int  # rows
    examples: tuple[str, ...]  # ids


@dataclass(frozen=True)
class SuiteResult:
    """All expectations, and the places in the table of the rows that fail at least one."""

    expectations: tuple[Expectation, ...]
    failing: frozenset[int]


def require() -> None:
    """Fail at once, not after an hour of decoding, when the packages are absent."""
    for module in ("great_expectations", "pandas"):
        if find_spec(module) is None:
            raise MissingPackage("great-expectations", extra="data")


def run_suite(rows: Sequence[Facts], rules: Sequence[Rule]) -> SuiteResult:
    """Hold the table against every rule; an empty table fails none."""
    if not rows:
        return SuiteResult((), frozenset())
    require()
    with _quiet():
        results = _validate(rows, rules)
    found = []
    failing: set[int] = set()
    for rule, result in zip(rules, results, strict=True):
        if "unexpected_count" not in result.result:
            raise ShallowsightError(f"expectation {rule.words!r} could not be evaluated: {result.exception_info}")
        places = [int(place) for place in result.result.get("unexpected_index_list") or ()]
        failing.update(places)
        found.append(
            Expectation(
                name=rule.words,
                reason=rule.reason,
                column=rule.column,
                success=bool(result.success),
                unexpected=int(result.result["unexpected_count"]),
                examples=tuple(rows[place].label for place in places[:_EXAMPLES]),
            )
        )
    return SuiteResult(tuple(found), frozenset(failing))


def _validate(rows: Sequence[Facts], rules: Sequence[Rule]) -> list[Any]:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    table = pd.DataFrame({field.name: [getattr(row, field.name) for row in rows] for field in fields(Facts)})
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    data = (
        context.data_sources.add_pandas("facts").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("a")
    )
    suite = context.suites.add(gx.ExpectationSuite(name="rules", expectations=[_expectation(rule) for rule in rules]))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name="gate", data=data, suite=suite))
    result = validation.run(
        batch_parameters={"dataframe": table},
        # COMPLETE lists every failing place; index columns would make that 100 times slower.
        result_format={"result_format": "COMPLETE", "partial_unexpected_count": _EXAMPLES},
    )
    by_reason = {found.expectation_config.meta["reason"]: found for found in result.results}
    return [by_reason[rule.reason] for rule in rules]


def _expectation(rule: Rule) -> Any:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    common: dict[str, Any] = {"column": rule.column, "meta": {"reason": rule.reason, "words": rule.words}}
    for column, wanted in rule.where:
        condition = Column(column) == wanted
        common["row_condition"] = common["row_condition"] & condition if "row_condition" in common else condition
    match rule.kind:
        case "given":
            return gxe.ExpectColumnValuesToNotBeNull(**common)
        case "one_of":
            return gxe.ExpectColumnValuesToBeInSet(**common, value_set=list(rule.value))
        case "none_of":
            return gxe.ExpectColumnValuesToNotBeInSet(**common, value_set=list(rule.value))
        case "at_least":
            return gxe.ExpectColumnValuesToBeBetween(**common, min_value=rule.value[0])
        case "at_most":
            return gxe.ExpectColumnValuesToBeBetween(**common, max_value=rule.value[0])
        case "lacks":
            return gxe.ExpectColumnValuesToNotMatchRegex(**common, regex=rule.value[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Analytics off before the first import, and of Great Expectations' log only the errors."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    # A level would not do: some of its modules set their own when they are imported.
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    logger.addHandler(errors)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(errors)
