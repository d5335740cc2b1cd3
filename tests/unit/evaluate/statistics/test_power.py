"""The smallest gap that is claimed in four of five studies, against studies that are drawn."""

import numpy as np
import pytest

from benchmarks.statistics_parts.cases import EVENLY, Case
from benchmarks.statistics_parts.draw import sheets
from benchmarks.statistics_parts.ways import chosen, draw_study
from shallowsight.evaluate.statistics.family import ALPHA, OVERALL
from shallowsight.evaluate.statistics.power import DIFFER, SEEDS_DIFFER, Design

STUDIES = 100


def design(seeds: int, categories: int = 6, singles: int = 5, fusions: int = 1, questions: float = 300) -> Design:
    return Design(
        usual=True,
        singles=singles,
        fusions=fusions,
        categories=categories,
        seeds=seeds,
        questions=questions,
        level=ALPHA,
    )


@pytest.mark.parametrize(
    ("seeds", "sd", "together"),
    [
        pytest.param(3, 0.01, 6, id="three seeds, a gap everywhere"),
        pytest.param(5, 0.03, 1, id="five seeds, a gap in one category"),
        pytest.param(5, 0.03, 6, id="five seeds, a gap everywhere"),
    ],
)
def test_about_four_of_five_drawn_studies_claim_the_gap(seeds: int, sd: float, together: int) -> None:
    """Four standard errors of 100 studies are 16 points; the formula takes the noise of all settings as independent."""
    gap = design(seeds).gap(sd, together)
    assert gap is not None
    case = Case(
        name="x",
        seeds=(seeds,) * 6,
        mean=0.7 - gap / 2,
        sds=(sd,),
        effect=gap,
        effects=None if together > 1 else 1,
    )
    rng = np.random.default_rng(5)
    claims = [chosen(draw_study(case, sheets(case.scores(rng), case.sizes, EVENLY, rng))) for _ in range(STUDIES)]
    key = (OVERALL if together > 1 else "category 0", "s1")
    assert sum(key in found for found in claims) == pytest.approx(80, abs=16)


def test_the_assumed_shares_of_different_answers_are_those_of_the_drawn_studies() -> None:
    rng = np.random.default_rng(1)
    case = Case(name="x", seeds=(2, 2), sds=(0.0,), categories=1)
    sheet = sheets(case.scores(rng), (1,) * 4000, EVENLY, rng)["category 0"]
    answers = [parts * 4_000 for parts in sheet.parts]
    # Four standard errors of a share of 4,000 questions are 0.03.
    assert np.mean(answers[0][0] != answers[1][0]) == pytest.approx(DIFFER, abs=0.03)
    assert np.mean(answers[0][0] != answers[0][1]) == pytest.approx(SEEDS_DIFFER, abs=0.03)


def test_more_seeds_and_questions_and_less_noise_show_smaller_gaps() -> None:
    gaps = [design(seeds).gap(0.03) for seeds in (4, 5, 8, 20)]
    assert None not in gaps and gaps == sorted(gaps, reverse=True)
    assert design(5).gap(0.01) < design(5).gap(0.03) < design(5).gap(0.1)
    assert design(5, questions=3000).gap(0.01) < design(5).gap(0.01)
    assert design(5).gap(0.03, together=6) == pytest.approx(design(5).gap(0.03) / 6**0.5, rel=0.01)


def test_with_very_many_seeds_only_other_pictures_are_left() -> None:
    """The normal test: z of the corrected level, plus z of four in five, times the error over pictures."""
    from scipy.stats import norm

    one = design(100_000, categories=1, singles=2, fusions=0, questions=500)
    error = ((DIFFER - SEEDS_DIFFER) / 500) ** 0.5
    expected = (norm.ppf(1 - ALPHA / 2) + norm.ppf(0.8)) * error
    assert one.planned == 1
    assert one.gap(0.01) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "categories", "least"),
    [(2, 1, 4), (2, 2, 3), (5, 1, 2), (6, 6, 2)],
)
def test_fewer_seeds_than_any_claim_needs(settings: int, categories: int, least: int) -> None:
    few = design(least - 1, categories, singles=settings, fusions=0)
    assert few.least_seeds == least and few.gap(0.001) is None
    assert design(least, categories, singles=settings, fusions=0).least_seeds == least


def test_planned_contrasts_are_counted_as_the_judgement_counts_them() -> None:
    assert design(3).planned == 7 * (5 + 1)
    assert design(3, categories=1).planned == 6
    alone = Design(usual=False, singles=2, fusions=0, categories=3, seeds=5, questions=300, level=ALPHA)
    assert alone.planned == 0 and alone.gap(0.01) is None
