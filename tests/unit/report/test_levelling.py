"""Which differences between trainings that are still learning are not claimed."""

from dataclasses import replace

import pytest

from shallowsight.data.learning import Answers, Point
from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.curves import LearningCurve, curves_of
from shallowsight.report.levelling import FEWEST, Curves
from shallowsight.report.values import Member, Study, Trial

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
LEVEL = (0.0, 0.8, 0.93, 0.95, 0.95)


def curve(setting: str, exact: tuple[float, ...], category: str = "count", **more: object) -> LearningCurve:
    found = LearningCurve(
        category=category,
        setting=setting,
        shares=SHARES,
        loss=tuple(3 * (1 - x) for x in exact),
        exact=exact,
        lowest=exact[-1],
        questions=40,
    )
    return replace(found, **more)


def member(setting: str, learning: tuple[Point, ...] = ()) -> Member:
    trial = Trial(seed=0, digests={}, state="done", learning=learning, benchmarks=({"name": "scenes_count"},))
    return Member(setting=setting, layers=(int(setting),), fusion="single", roles=(), trials=(trial,))


def study(*members: Member) -> Study:
    return Study(
        name="x", tower="t", seeds=(0,), raw={}, members=members or (member("7"), member("11")), analysis=None, data={},
        texts=(), cells=(),
    )  # fmt: skip


def why(*curves: LearningCurve, category: str = "count", chances: dict[str, float] | None = None) -> str:
    found = {(c.category, c.setting): c for c in curves}
    known = {"count": 0.2} if chances is None else chances
    return Curves(study(), found, known).why_not(category, "7", "11")


@pytest.mark.parametrize(
    "weaker",
    [
        pytest.param((0.0, 0.5, 0.8, 0.9, 0.91), id="as good in the end"),
        pytest.param((0.0, 0.5, 0.7, 0.74, 0.75), id="stays behind"),
        pytest.param((0.0, 0.7, 0.95, 0.97, 0.99), id="better than the stronger one"),
    ],
)
def test_a_difference_may_be_claimed(weaker):
    assert why(curve("7", LEVEL), curve("11", weaker)) == ""


@pytest.mark.parametrize(
    ("weaker", "reason"),
    [
        pytest.param((0.0, 0.3, 0.5, 0.7, 0.8), "was 43 points behind layer 7", id="catches up"),
        pytest.param((0.0, 0.0, 0.75, 0.45, 0.65), "it gained 20 in the last quarter", id="late"),
        pytest.param((0.0, 0.2, 0.25, 0.25, 0.25), "did not learn the questions of count (25 % right", id="not learnt"),
    ],
)
def test_a_difference_is_not_claimed(weaker, reason):
    assert reason in why(curve("7", LEVEL), curve("11", weaker))


def test_the_same_curve_a_quarter_later_is_no_evidence():
    early, late = (0.0, 0.1, 0.3, 0.6, 0.9), (0.0, 0.0, 0.1, 0.3, 0.6)
    assert "longer training may close the gap" in why(curve("7", early), curve("11", late))


def test_one_seed_that_did_not_learn_is_enough():
    assert "did not learn" in why(curve("7", LEVEL), curve("11", (0.0, 0.5, 0.7, 0.74, 0.75), lowest=0.22))


def test_without_a_known_chance_nobody_is_said_not_to_have_learnt():
    assert why(curve("7", LEVEL), curve("11", (0.0, 0.2, 0.25, 0.25, 0.25)), chances={}) == ""


def test_over_all_categories_none_may_be_unlearnt():
    whole = [curve("7", LEVEL, OVERALL), curve("11", (0.0, 0.5, 0.7, 0.74, 0.75), OVERALL)]
    assert why(*whole, category=OVERALL) == ""
    poor = curve("11", (0.0, 0.2, 0.2, 0.2, 0.2))
    assert "did not learn the questions of count" in why(*whole, poor, category=OVERALL)


def test_where_nothing_is_answered_exactly_losses_are_compared():
    """Free answers: no curve of right answers rises, and losses tell."""
    flat = (0.0,) * 5
    strong = curve("7", flat, loss=(3.0, 2.0, 1.5, 1.3, 1.2))
    assert why(strong, curve("11", flat, loss=(3.0, 2.2, 1.75, 1.6, 1.55)), chances={}) == ""
    found = why(strong, curve("11", flat, loss=(3.0, 2.6, 2.2, 1.7, 1.5)), chances={})
    assert "was 0.70 nats of loss behind layer 7 in the middle of the training and is 0.30 behind" in found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"questions": FEWEST - 1}, "only 19 held-out questions are of this kind"),
        ({"shares": (0.0, 0.0, 0.0, 0.0, 1.0)}, "too short to be measured in its middle"),
    ],
)
def test_curves_that_tell_nothing(changes, reason):
    assert reason in why(curve("7", LEVEL), curve("11", LEVEL, **changes))


def test_a_training_that_was_not_measured():
    assert "not measured on held-out questions (data.held_out)" in why(curve("7", LEVEL))


def points(kind: str) -> tuple[Point, ...]:
    answers = Answers(questions=40, loss=0.1, exact=0.9)
    return tuple(Point(update=int(100 * s), share=s, kinds={kind: answers}) for s in SHARES)


def test_a_kind_that_no_training_record_has():
    measured = study(member("7", points("own")), member("11", points("own")))
    found = Curves(measured, curves_of(measured, ["count"]), {})
    assert found.found == {} and "no held-out training question has the kind of count" in found.why_not(
        "count", "7", "11"
    )


def test_curves_are_read_by_kind():
    measured = study(member("7", points("count")), member("11", points("count")))
    found = curves_of(measured, ["count"])
    assert set(found) == {("count", "7"), ("count", "11")} and found["count", "7"].exact == (0.9,) * 5
