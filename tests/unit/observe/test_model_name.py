"""Models of different settings have different names in weave."""

import re
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shallowsight.observe.tracking.model_name import model_name

ALIKE = (
    *("3,8:concat", "3|8:concat", "3,8|11:deepstack", "3|8,11:deepstack", "3-8:concat", "3:8-concat"),
    *("8+ldpv2@9", "8+ldpv2+9", "8", "08", "4>0,8>1|11:internal-direct", "4,0>8,1|11:internal-direct"),
)
STUDIES = ("demo", "demo 8", "demo_8", "demo-8", "demo__8", "demo___8", "_demo", "d\u00e9mo", "\u65e5\u672c", "Demo")
LONG = ",".join(f"{layer}>{layer}" for layer in range(100))
WRITTEN = st.text("8_-,|:> x\u00e9", max_size=8)


def as_weave_keeps_it(name: str) -> str:
    """What `sanitize_object_name` of weave does with a name."""
    return re.sub(r"([._-]{2,})+", "-", re.sub(r"[^\w._]+", "-", name)).strip("-_")[:128]


def test_no_two_settings_that_look_alike_have_one_name() -> None:
    asked = [*product(STUDIES, ALIKE), ("demo", f"{LONG}|11:deepstack"), ("demo", f"{LONG}|12:deepstack")]
    assert len({as_weave_keeps_it(model_name(*each)) for each in asked}) == len(asked)


@given(WRITTEN, WRITTEN, WRITTEN, WRITTEN)
@example("a 8", "8", "a", "8 8")
@example("a_8", "8", "a", "8_8")
def test_names_differ_where_anything_differs(study: str, setting: str, other: str, another: str) -> None:
    same = (study, setting) == (other, another)
    assert (model_name(study, setting) == model_name(other, another)) == same


@given(WRITTEN, WRITTEN)
def test_a_name_can_be_a_class_and_stays_as_it_is(study: str, setting: str) -> None:
    name = model_name(study, setting)
    assert name.isidentifier() and name.isascii() and as_weave_keeps_it(name) == name


@pytest.mark.parametrize(
    ("study", "setting", "name"),
    [
        ("demo", "8", "model_demo_8"),
        ("quick_2", "12", "model_quick_2_12"),
        ("demo", "3,8:mean", "model_demo_3_8_mean_x"),
        ("demo", f"{LONG}|11:deepstack", "model_demo_0_0_1_1_2_2_3_3_"),
    ],
)
def test_it_begins_with_what_is_written(study: str, setting: str, name: str) -> None:
    assert model_name(study, setting).startswith(name)
    assert len(model_name(study, setting)) <= 128
