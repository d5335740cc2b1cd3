"""Rules of the user's own, thresholds, and what is said of a file of rules that is wrong."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from good_rows import Write, row

from shallowsight.data.gate.gate import GateReport, gate
from shallowsight.data.gate.own_rules import TYPES, OwnRules, read_own_rules
from shallowsight.data.gate.suite import try_own_rules
from shallowsight.errors import ConfigurationError, DataRefused

SHORT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "reply_chars", "max_value": 100}}


@pytest.fixture
def rules(tmp_path: Path) -> Callable[[Any], OwnRules]:
    def read(content: Any) -> OwnRules:
        path = tmp_path / "rules.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
        found = read_own_rules(path)
        try_own_rules(found.rules)
        return found

    return read


@pytest.fixture
def check(images: Path, write: Write, tmp_path: Path) -> Callable[..., GateReport]:
    """Ten good rows, the last `long` of them with a long reply, and `gone` more whose picture is not there."""

    def run(own: OwnRules, *, long: int = 0, gone: int = 0, max_bad_share: float = 0.01) -> GateReport:
        rows = [row(n) for n in range(10)]
        for bad in rows[10 - long :] if long else []:
            bad["conversations"][1]["value"] = "long " * 50
        rows += [row(100 + n, "gone.png") for n in range(gone)]
        return gate([write(rows)], images, tmp_path / "out", max_bad_share=max_bad_share, own=own)

    return run


def entries(report: GateReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in report.quarantine.read_text(encoding="utf-8").splitlines()]


def test_a_row_that_breaks_an_own_rule_is_put_aside(rules: Any, check: Any) -> None:
    own = rules({"expectations": [SHORT | {"reason": "too_chatty", "words": "replies are short"}]})
    report = check(own, long=2, max_bad_share=0.2)
    assert report.reasons == {"too_chatty": 2}
    fault = {"reason": "too_chatty", "rule": "replies are short", "found": {"reply_chars": 254}}
    assert [(entry["row"], entry["faults"]) for entry in entries(report)] == [(9, [fault]), (10, [fault])]
    with pytest.raises(DataRefused, match=r"2 of 10 rows are bad \(0\.2\).*too_chatty 2"):
        check(own, long=2, max_bad_share=0.1)


def test_where_leaves_rows_out(rules: Any, images: Path, write: Write, tmp_path: Path) -> None:
    own = rules({"expectations": [SHORT | {"where": {"image_type": "absent", "readable": True}}]})
    rows = [row(1), row(2, None)]
    for each in rows:
        each["conversations"][1]["value"] = "long " * 50
    report = gate([write(rows)], images, tmp_path / "out", max_bad_share=0.5, own=own)
    assert [entry["row"] for entry in entries(report)] == [2]


@pytest.mark.parametrize(
    ("type", "kwargs"),
    [
        ("expect_column_values_to_not_match_regex", {"column": "replies", "regex": "(?i)LONG"}),
        ("expect_column_values_to_match_regex", {"column": "replies", "regex": "cat"}),
        ("expect_column_values_to_not_match_regex_list", {"column": "replies", "regex_list": ["x", "long"]}),
        ("expect_column_value_lengths_to_be_between", {"column": "replies", "max_value": 100}),
        ("expect_column_pair_values_to_be_in_set",
         {"column_A": "n_turns", "column_B": "reply_chars", "value_pairs_set": [[4, 29]]}),
        ("expect_multicolumn_sum_to_equal", {"column_list": ["reply_chars", "empty_replies"], "sum_total": 29}),
    ],
)  # fmt: skip
def test_kinds_of_expectations(rules: Any, check: Any, type: str, kwargs: dict[str, Any]) -> None:
    report = check(rules({"expectations": [{"type": type, "kwargs": kwargs}]}), long=3, max_bad_share=1)
    assert [entry["row"] for entry in entries(report)] == [8, 9, 10]


@pytest.mark.parametrize("how", ["mostly", "thresholds"])
def test_within_its_threshold_a_rule_refuses_nothing(rules: Any, check: Any, how: str) -> None:
    # One of ten is exactly the share allowed: as binary fractions, 1 - 0.9 is less than 0.1.
    entry = SHORT | {"kwargs": SHORT["kwargs"] | ({"mostly": 0.9} if how == "mostly" else {}), "reason": "too_chatty"}
    own = rules({"expectations": [entry]} | ({"thresholds": {"too_chatty": 0.1}} if how == "thresholds" else {}))
    assert own.allowed == {"too_chatty": Fraction(1, 10)}
    report = check(own, long=1, max_bad_share=0)
    assert (report.good, report.bad) == (9, 1) and entries(report)[0]["reasons"] == ["too_chatty"]
    with pytest.raises(DataRefused) as refused:
        check(own, long=2, max_bad_share=0)
    assert str(refused.value).startswith(
        "data refused: rule too_chatty 2 (for example 'r8') is broken by 0.2 of the 10 rows that it looks at; allowed "
        "is a share of 0.1. All of them, with reasons: "
    )
    assert str(refused.value).endswith("mend the rows or raise the threshold of too_chatty in data.expectations.")


def test_a_threshold_of_one_of_our_rules(rules: Any, check: Any) -> None:
    own = rules({"thresholds": {"image_missing": 0.2}})
    assert check(own, gone=2, max_bad_share=0).bad == 2
    with pytest.raises(DataRefused, match="rule image_missing 3"):
        check(own, gone=3, max_bad_share=1)


def test_the_share_of_all_stays_for_the_other_rules(rules: Any, check: Any) -> None:
    own = rules({"expectations": [SHORT | {"reason": "too_chatty"}], "thresholds": {"too_chatty": 0.5}})
    assert check(own, long=3, gone=1, max_bad_share=0.1).bad == 4
    with pytest.raises(DataRefused, match=r"1 of 11 rows is bad \(0\.0909\); allowed.*Most frequent: image_missing 1"):
        check(own, long=3, gone=1, max_bad_share=0.09)


def test_no_good_row_is_refused_whatever_the_thresholds(rules: Any, check: Any) -> None:
    with pytest.raises(DataRefused, match="10 of 10 rows are bad"):
        check(rules({"expectations": [SHORT], "thresholds": {"column_values_to_be_between:reply_chars": 1}}), long=10)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("3", "rules.yaml:1: .*write keys", id="a number"),
        pytest.param("expectations: [a", "not YAML", id="no yaml"),
        pytest.param("expectation: []", "rules.yaml:1: expectation: there is no such key", id="unknown key"),
        pytest.param("thresholds: {}\nthresholds: {}", "is in lines 1 and 2", id="twice"),
        pytest.param("thresholds: {no_turn: 0.1}", "no rule 'no_turn'; did you mean 'no_turns'", id="no rule"),
        pytest.param("thresholds: {no_turns: 2}", "rules.yaml:1: thresholds.no_turns: ", id="threshold"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(rules: Any, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        rules(text)


def entry(type: str = SHORT["type"], where: Any = None, reason: str | None = None, **kwargs: Any) -> dict[str, Any]:
    found = {"type": type, "kwargs": kwargs, "where": where, "reason": reason}
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param(entry("expect_column_values_to_be_betwen", column="chars"), "did you mean", id="a type"),
        pytest.param(
            entry("expect_column_values_to_be_unique", column="id"), "that checks each row alone", id="a table's"
        ),
        pytest.param(
            entry("expect_column_mean_to_be_between", column="chars"), "that checks each row alone", id="a mean"
        ),
        pytest.param(entry(column="char", max_value=1), "no column 'char'; did you mean 'chars'", id="a column"),
        pytest.param(
            entry(column="chars", max_value=1, where={"imagetyp": "text"}), "no column 'imagetyp'", id="where"
        ),
        pytest.param(entry(column="chars"), "min_value and max_value cannot both be None", id="no bound"),
        pytest.param(entry(column="chars", max=1), "max extra fields not permitted", id="an argument"),
        pytest.param(entry(max_value=1), "column field required", id="no column"),
        pytest.param(entry(column="replies", max_value=1), "cannot be evaluated", id="another type"),
        pytest.param(
            entry("expect_column_values_to_match_regex", column="replies", regex="("),
            "regular expression",
            id="a regex",
        ),
        pytest.param(entry(column="chars", max_value=1, mostly=90), "mostly is 90", id="mostly"),
        pytest.param(entry(column="chars", max_value=1, row_condition="chars>1"), "write `where:`", id="a condition"),
        pytest.param(entry(column="chars", max_value=1, reason="no_turns"), "'no_turns' is a rule of", id="a reason"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(rules: Any, wrong: dict[str, Any], says: str) -> None:
    content = "expectations:\n- type: expect_column_values_to_not_be_null\n  kwargs: {column: id}\n- " + json.dumps(
        wrong
    )
    with pytest.raises(ConfigurationError, match=rf"rules\.yaml:4: .*{re.escape(says)}"):
        rules(content)


def test_mostly_and_a_threshold_are_one_too_many(rules: Any) -> None:
    wrong = [entry(column="chars", max_value=1, mostly=0.9, reason="short")]
    with pytest.raises(ConfigurationError, match="has `mostly` already"):
        rules({"expectations": wrong, "thresholds": {"short": 0.1}})


def test_every_type_is_known_to_great_expectations() -> None:
    import great_expectations.expectations  # noqa: F401
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    assert set(TYPES) <= set(list_registered_expectation_implementations())


def test_a_rule_that_looks_at_no_row_is_told(rules: Any, check: Any) -> None:
    report = check(rules({"expectations": [SHORT | {"where": {"image_type": "txt"}}]}))
    assert report.notices == (
        "rule column_values_to_be_between:reply_chars checked no row; "
        "compare its `where` with the values of the columns",
    )


def test_a_copy_is_called_by_the_name_of_what_it_is_a_copy_of(tmp_path: Path) -> None:
    copy, name = tmp_path / "0a1b", "s3://bucket/rules.yaml"
    wrong = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "reply_chars", "no_such": 1}}
    copy.write_text(yaml.safe_dump({"expectations": [SHORT, wrong | {"reason": "mine"}]}))
    with pytest.raises(ConfigurationError, match=rf"^{name}:6: expect_column_values_to_be_between: .*no_such"):
        try_own_rules(read_own_rules(copy, called=name).rules)
    copy.write_text("expectations: [")
    with pytest.raises(ConfigurationError, match=rf"^{name} is not YAML"):
        read_own_rules(copy, called=name)
