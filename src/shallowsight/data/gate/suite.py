"""The built-in rules and the user's own as a Great Expectations suite, a second check beside the row checks.

Uses only expectations of Great Expectations itself and an ephemeral context; no network, analytics or console output.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from shallowsight.data.gate.facts import Table, facts_of, table_of
from shallowsight.data.gate.own_rules import OwnRule
from shallowsight.data.gate.rules import Rule
from shallowsight.errors import ConfigurationError, MissingPackage, ShallowsightError


@dataclass(frozen=True)
class Found:
    """The result of one expectation for one table."""

    looked_at: int  # checked rows, without those that the condition leaves out and those without a value
    failing: tuple[int, ...]  # places in the table, increasing


class Suite:
    """Checks any number of tables against the same rules."""

    def __init__(self, rules: Sequence[Rule], own: Sequence[OwnRule] = ()) -> None:
        """Raises ConfigurationError when the arguments of an own rule do not fit, MissingPackage without GX."""
        require()
        self._own = {rule.reason: rule for rule in own}
        self._reasons = [rule.reason for rule in rules] + list(self._own)
        self._columns = {rule.column for rule in rules} | {c for rule in own for c in rule.columns}
        self._columns |= {
            column for where in [rule.where for rule in rules] + [r.where for r in own] for column, _ in where
        }
        with _quiet():
            expectations = [_expectation(rule) for rule in rules] + [_own_expectation(rule) for rule in own]
            self._validation = _validation(expectations)

    @property
    def needs_texts(self) -> bool:
        """Whether a rule checks a column with whole texts."""
        return bool(self._columns & {"questions", "replies"})

    def check(self, table: Table) -> Mapping[str, Found]:
        """The result for each reason, in the order of the rules.

        Raises:
            ConfigurationError: an own rule cannot be evaluated on a row.
        """
        import pandas as pd

        with _quiet():
            result = self._validation.run(
                batch_parameters={"dataframe": pd.DataFrame({name: table[name] for name in sorted(self._columns)})},
                # COMPLETE lists every failing place; index columns would make that 100 times slower.
                result_format={"result_format": "COMPLETE", "partial_unexpected_count": 0},
            )
        by_reason = {one.expectation_config.meta["reason"]: one for one in result.results}
        return {reason: self._found(by_reason[reason]) for reason in self._reasons}

    def _found(self, result: Any) -> Found:
        reason, found = result.expectation_config.meta["reason"], result.result
        if "unexpected_count" not in found:
            why = "; ".join(_messages(result.exception_info)) or "no reason given"
            if reason in self._own:
                raise ConfigurationError(f"{self._own[reason].place}: {reason!r} cannot be evaluated: {why}")
            raise ShallowsightError(f"expectation {reason!r} could not be evaluated: {why}")
        failing = tuple(sorted(int(place) for place in found.get("unexpected_index_list") or ()))
        return Found(found["element_count"] - found.get("missing_count", 0), failing)


def require() -> None:
    """Raises MissingPackage at once, not after an hour of decoding, when the packages are absent."""
    for module in ("great_expectations", "pandas"):
        if find_spec(module) is None:
            raise MissingPackage("great-expectations", extra="data")


def try_own_rules(own: Sequence[OwnRule]) -> None:
    """Raises ConfigurationError for a rule that cannot be evaluated on a good row."""
    if not own:
        return
    talk = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]
    record = {"id": "1", "image": "a.png", "conversations": talk}
    Suite((), own).check(table_of([facts_of(record, file="a.json", number=1, image_status="ok")]))


def _validation(expectations: Sequence[Any]) -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    data = (
        context.data_sources.add_pandas("facts").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("a")
    )
    suite = context.suites.add(gx.ExpectationSuite(name="rules", expectations=list(expectations)))
    return context.validation_definitions.add(gx.ValidationDefinition(name="gate", data=data, suite=suite))


def _expectation(rule: Rule) -> Any:
    import great_expectations.expectations as gxe

    common: dict[str, Any] = {"column": rule.column} | _common(rule)
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


def _own_expectation(rule: OwnRule) -> Any:
    refused = {"row_condition", "condition_parser", "meta", "id", "result_format"} & set(rule.kwargs)
    if refused:
        raise ConfigurationError(f"{rule.place}: {sorted(refused)[0]!r} is not allowed here; write `where:`")
    try:
        from great_expectations.expectations.registry import get_expectation_impl

        return get_expectation_impl(rule.type)(**rule.kwargs, **_common(rule))
    except (TypeError, ValueError) as error:  # pydantic's error is a ValueError
        raise ConfigurationError(f"{rule.place}: {rule.type}: {' '.join(str(error).split())}") from None


def _common(rule: Rule | OwnRule) -> dict[str, Any]:
    from great_expectations.expectations.row_conditions import Column

    common: dict[str, Any] = {"meta": {"reason": rule.reason, "words": rule.words}}
    for column, wanted in rule.where:
        condition = Column(column) == wanted
        common["row_condition"] = common["row_condition"] & condition if "row_condition" in common else condition
    return common


def _messages(info: Any) -> list[str]:
    """The messages in the exception info, which holds one exception, or one for each metric."""
    if not isinstance(info, dict):
        return []
    if "exception_message" in info:
        return [" ".join(str(info["exception_message"]).split())] if info["exception_message"] else []
    return list(dict.fromkeys(message for one in info.values() for message in _messages(one)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Turn analytics off before the first import, and show only errors of Great Expectations' log."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    # Setting the logger's level is not enough: some of its modules set their own level when they are imported.
    errors = logging.StreamHandler()
    errors.setLevel(logging.ERROR)
    logger.addHandler(errors)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(errors)
