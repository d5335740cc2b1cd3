"""Cron expressions: what the server would read otherwise is refused here."""

import sys

import pytest

from shallowsight.cluster.schedules.cron import six_fields
from shallowsight.errors import MissingPackage


@pytest.mark.parametrize(
    ("text", "six"),
    [
        pytest.param("0 2 * * 1", "0 0 2 * * 1", id="five"),
        pytest.param("30 0 2 * * 1", "30 0 2 * * 1", id="six"),
        pytest.param(" */10  0-6,12 1 jan-Mar SUN ", "0 */10 0-6,12 1 jan-Mar SUN", id="names and lists"),
        pytest.param("0 2 ? * 1-5/2", "0 0 2 ? * 1-5/2", id="question mark and step"),
        pytest.param("0 2 29 2 *", "0 0 2 29 2 *", id="leap day"),
    ],
)
def test_fields(text: str, six: str) -> None:
    assert six_fields(text) == six


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "has 0 fields", id="empty"),
        pytest.param("* * * *", "has 4 fields; write five", id="four"),
        pytest.param("0 0 0 1 1 ? 2030", "has 7 fields", id="with a year"),
        pytest.param("@daily", "has 1 fields", id="a word"),
        pytest.param("60 2 * * *", "out of range", id="minute 60"),
        pytest.param("0 24 * * *", "out of range", id="hour 24"),
        pytest.param("0 2 * * 7", "Sunday is 0", id="Sunday as 7"),
        pytest.param("0 2 L * *", "'L' is no day of month", id="last day"),
        pytest.param("0 2 * * 1#2", "'1#2' is no day of week", id="second Monday"),
        pytest.param("0 2 * mon *", "'mon' is no month", id="day as month"),
        pytest.param("0 22-2 * * *", "'22-2' ends before it begins", id="over midnight"),
        pytest.param("0 2 * * fri-mon", "'fri-mon' ends before it begins", id="over the weekend"),
        pytest.param("*/0 * * * *", "'[*]/0' is no minute", id="step 0"),
        pytest.param("0 2 * * 1,,2", "'' is no day of week", id="two commas"),
        pytest.param("0 2 31 2 *", "no such day, so it would never run", id="31 February"),
        pytest.param("TZ=Europe/Berlin 0 0 2 * * 1", "has 7 fields", id="a time zone"),
    ],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        six_fields(text)


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "croniter", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[pipelines\]"):
        six_fields("0 2 * * 1")
