"""The claims of a study: one family, fusions against every layer, the set of layers that may be best."""

import numpy as np
import pytest
from sheets import drawn

from shallowsight.evaluate.statistics.family import OVERALL, Planned, Verdict, holm, judge
from shallowsight.evaluate.statistics.selection import score_of_picking

CLAIMS = (Verdict.A_BETTER, Verdict.B_BETTER)
PLANNED = Planned(usual="1", singles=("0", "1", "2"), fusions=("3",))


def study(rng: np.random.Generator, means: list[float], sd: float = 0.01, seeds: int = 4, categories: int = 2):
    return {
        f"c{c}": drawn(rng, [list(np.clip(m + sd * rng.normal(size=seeds), 0, 1)) for m in means])
        for c in range(categories)
    }


def test_holm_by_hand():
    keys = [("a",), ("b",), ("c",), ("d",)]
    found = holm(dict(zip(keys, [0.01, 0.04, 0.03, 0.005], strict=True)))
    assert [found[k] for k in keys] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm({}) == {}


def test_a_contrast_without_a_p_value_is_a_member_of_the_family():
    assert holm({("a",): 0.01, ("b",): None}) == {("a",): 0.02, ("b",): None}


def test_a_planted_effect_is_found_and_the_others_are_not():
    found = judge(study(np.random.default_rng(0), [0.8, 0.55, 0.55, 0.55]), PLANNED)
    claimed = {key for key, c in found.pairs.items() if c.planned and c.verdict in CLAIMS}
    assert claimed == {("c0", "0", "1"), ("c1", "0", "1"), (OVERALL, "0", "1")}
    assert found.best["c0"] == ("0",) and found.best[OVERALL] == ("0",)


def test_the_usual_choice_is_always_on_the_right():
    found = judge(study(np.random.default_rng(0), [0.5, 0.9, 0.5, 0.5]), PLANNED)
    assert {b for (_, a, b), c in found.pairs.items() if c.planned} == {"1"}
    assert found.pairs["c0", "0", "1"].verdict is Verdict.B_BETTER
    turned = found.compare("c0", "1", "0")
    assert turned is not None and turned.verdict is Verdict.A_BETTER and turned.gap > 0
    assert turned.interval is not None and turned.interval[0] > 0
    assert found.compare("c0", "0", "nothing") is None


def test_the_same_setting_under_two_names_is_not_distinguishable():
    rng = np.random.default_rng(3)
    once = study(rng, [0.7, 0.6, 0.65, 0.6], sd=0.03, seeds=5, categories=1)["c0"]
    twice = type(once)(
        settings=("x", "y"), seeds=once.seeds[:1] * 2, parts=once.parts[:1] * 2, shares_G=once.shares_G,
        images=once.images, questions=once.questions,
    )  # fmt: skip
    found = judge({"c": twice}, Planned("y", ("x", "y"), ()))
    assert found.pairs["c", "x", "y"].verdict is Verdict.NOT_DISTINGUISHABLE and found.best["c"] == ("x", "y")


def test_one_family_over_all_categories():
    """The same gap needs more evidence in a study of more categories."""
    alone = study(np.random.default_rng(1), [0.62, 0.55, 0.55, 0.55], categories=1)
    many = alone | {
        f"n{i}": s for i, s in enumerate(study(np.random.default_rng(2), [0.55] * 4, categories=6).values())
    }
    p_alone = judge(alone, PLANNED).pairs["c0", "0", "1"].p
    p_many = judge(many, PLANNED).pairs["c0", "0", "1"].p
    assert p_alone is not None and p_many is not None and p_many > 3 * p_alone


def test_settings_that_ended_early_count_in_the_family():
    """As if they had been compared and had shown nothing: dropping them for their scores makes no claim easier."""
    sheets = study(np.random.default_rng(1), [0.62, 0.55, 0.55, 0.55], categories=1)
    alone = judge(sheets, PLANNED).pairs["c0", "0", "1"].p
    halved = Planned("1", ("0", "1", "2"), ("3",), ended=("7", "8", "7,8"), ended_fusions=("7,8",))
    found = judge(sheets, halved)
    # Four planned contrasts, and three of the ended ones against the usual choice and one against the best layer.
    assert found.pairs["c0", "0", "1"].p == pytest.approx(2 * alone)
    assert {key for key in found.pairs if "7" in key or "8" in key} == set()


def test_a_fusion_must_beat_every_single_layer():
    weak = judge(study(np.random.default_rng(4), [0.8, 0.5, 0.5, 0.8]), PLANNED)
    assert weak.against_best["c0", "3"].verdict is Verdict.NOT_DISTINGUISHABLE
    assert weak.pairs["c0", "3", "1"].verdict is Verdict.A_BETTER
    strong = judge(study(np.random.default_rng(4), [0.7, 0.5, 0.5, 0.9]), PLANNED)
    assert strong.against_best["c0", "3"].verdict is Verdict.A_BETTER
    assert strong.against_best["c0", "3"].contrast.gap == pytest.approx(0.2, abs=0.06)


def test_a_fusion_must_beat_its_control_too():
    sheets = study(np.random.default_rng(4), [0.7, 0.5, 0.9, 0.9])
    controlled = Planned(usual="1", singles=("0", "1"), fusions=("3",), controls=("2",))
    assert judge(sheets, controlled).against_best["c0", "3"].verdict is Verdict.NOT_DISTINGUISHABLE
    free = Planned(usual="1", singles=("0", "1"), fusions=("3",))
    assert judge(sheets, free).against_best["c0", "3"].verdict is Verdict.A_BETTER


def test_what_may_not_be_claimed_is_claimed_nowhere():
    """Neither the pair, nor a fusion that needs it, nor that the weaker layer is not the best one."""

    def why_not(category: str, better: str, worse: str) -> str:
        return "still learning" if worse == "1" else ""

    sheets = study(np.random.default_rng(4), [0.8, 0.5, 0.6, 0.95])
    free, refused = judge(sheets, PLANNED), judge(sheets, PLANNED, why_not=why_not)
    assert free.pairs["c0", "0", "1"].verdict is Verdict.A_BETTER and free.best["c0"] == ("0",)
    assert free.against_best["c0", "3"].verdict is Verdict.A_BETTER
    pair = refused.pairs["c0", "0", "1"]
    assert pair.verdict is Verdict.NOT_LEVELLED and pair.why == "still learning"
    assert refused.best["c0"] == ("0", "1")  # layer 2 is still worse than layer 0
    assert refused.against_best["c0", "3"].verdict is Verdict.NOT_LEVELLED


def test_few_pictures_claim_nothing():
    rng = np.random.default_rng(9)
    sheet = drawn(rng, [[0.9] * 4, [0.2] * 4, [0.5] * 4], questions=15)
    found = judge({"c": sheet}, Planned("1", ("0", "1", "2"), ()))
    assert {c.verdict for c in found.pairs.values()} == {Verdict.FEW_PICTURES}
    assert found.best["c"] == ("0", "1", "2")


def test_one_seed_claims_nothing():
    found = judge(study(np.random.default_rng(5), [0.9, 0.2, 0.5, 0.5], seeds=1), PLANNED)
    assert {c.verdict for c in found.pairs.values()} == {Verdict.FEW_SEEDS}
    assert found.best["c0"] == ("0", "1", "2") and all(c.interval is None for c in found.pairs.values())


def test_picking_the_best_of_equals_scores_what_they_score():
    """Over many studies of ten equal settings the highest score is optimistic; the score of picking is not."""
    rng = np.random.default_rng(6)
    raw, corrected = [], []
    for _ in range(60):
        sheet = study(rng, [0.6] * 10, sd=0.04, seeds=3, categories=1)["c0"]
        raw.append(max(sheet.mean(s) for s in sheet.settings))
        corrected.append(score_of_picking(sheet, sheet.settings))
    # One study has a standard deviation of about .035; five standard errors of 60 studies.
    assert np.mean(corrected) == pytest.approx(0.6, abs=5 * 0.035 / 60**0.5) and np.mean(raw) > 0.62


def test_settings_with_one_seed_are_not_picked():
    rng = np.random.default_rng(7)
    sheet = drawn(rng, [[0.6, 0.62, 0.61], [0.99], [0.5, 0.52, 0.51]])
    assert score_of_picking(sheet, sheet.settings) == score_of_picking(sheet, ("0", "2"))


def test_one_seed_has_no_score_of_picking():
    sheet = study(np.random.default_rng(7), [0.6, 0.7], seeds=1, categories=1)["c0"]
    assert score_of_picking(sheet, sheet.settings) is None


def test_the_truly_best_layer_stays_in_the_set():
    rng = np.random.default_rng(8)
    kept = [
        "0" in judge(study(rng, [0.66, 0.6, 0.62, 0.6], sd=0.03, seeds=3, categories=2), PLANNED).best["c0"]
        for _ in range(100)
    ]
    assert np.mean(kept) >= 0.93  # 95 % of studies or more; two standard errors of 100
