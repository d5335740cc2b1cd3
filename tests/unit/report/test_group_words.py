"""What the page says about groups, and about their absence."""

from dataclasses import replace

import pytest

from shallowsight.report.group_evidence import Border, GroupEvidence
from shallowsight.report.group_words import group_sentences, real_groups
from shallowsight.report.values import Analysis, Group

ONE = (Group(name="all", layers=tuple(range(1, 13)), representative=None),)
TWO = (
    Group(name="shallow", layers=(1, 2, 3, 4, 5), representative=3),
    Group(name="deep", layers=(6, 7, 8, 9, 10, 11, 12), representative=9),
)
BORDER = Border(after=5, stability=0.98, kind="jump", factor=3.2, p=0.004, also_in=("cka", "scenes"))


def analysis(groups: tuple[Group, ...], p: float | None, borders: tuple[Border, ...] = ()) -> Analysis:
    evidence = GroupEvidence(
        groups=len(groups), p=p, error_rate=0.05, null="smooth", same_number_of_groups=1.0, borders=borders, findings=()
    )
    return Analysis(
        layers=tuple(range(1, 13)), images=208, cosine=(), cka=(), groups=groups, boundaries=(), evidence=evidence
    )


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.41, "No groups: the steps from layer to layer are as even as in a tower without groups (p = 0.41)."),
        (0.03, "No groups: the steps from layer to layer change along the depth (p = 0.03), but not twofold."),
        (None, "No groups: the tower has too few layers for a test of groups."),
    ],
)
def test_no_groups(p, said):
    found = analysis(ONE, p)
    assert group_sentences(found)[0].startswith(said) and real_groups(found) == ()


def test_groups_and_their_borders():
    named, border = group_sentences(analysis(TWO, 0.004, (BORDER,)))
    shallow, deep = "1\N{EN DASH}5 (represented by layer 3)", "6\N{EN DASH}12 (represented by layer 9)"
    assert named == f"The groups, framed in white: shallow {shallow} and deep {deep}."
    assert border == (
        "The step after layer 5 is 3.2 times the pace around it (p = 0.004); 98 % of random halves of the pictures "
        "have this border; also in cka and scenes."
    )


def test_a_border_that_nothing_else_has():
    pace = replace(BORDER, kind="pace", also_in=())
    (_, said) = group_sentences(analysis(TWO, 0.004, (pace,)))
    assert said.startswith("From layer 5 on the steps change 3.2 times") and "in no other measure" in said


def test_an_analysis_of_an_older_version():
    old = replace(analysis(TWO, 0.1), evidence=None, boundaries=((5, 0.9),))
    assert group_sentences(old)[1] == "Of resamples of the pictures, 90 % put a border after layer 5."
    assert group_sentences(replace(old, groups=ONE)) == ["The analysis found no groups."]
