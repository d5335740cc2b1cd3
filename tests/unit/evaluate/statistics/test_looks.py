"""Which pairs of settings are undecided, and who therefore gets the next seed."""

from dataclasses import replace

import numpy as np
import pytest
from sheets import drawn

from shallowsight.evaluate.statistics.family import ALPHA, Judgement, Planned, judge
from shallowsight.evaluate.statistics.looks import level_of, settings_of, undecided

SEEDS = 6


def judged(*accuracies: float, fusions: int = 0, seeds: int = SEEDS) -> tuple[Judgement, Planned]:
    """The setting 0 is the usual choice; the last ones are fusions."""
    rng = np.random.default_rng(2)
    sheets = {name: drawn(rng, [[a] * seeds for a in accuracies]) for name in ("one", "two")}
    names = [str(i) for i in range(len(accuracies))]
    planned = Planned("0", tuple(names[: len(names) - fusions]), tuple(names[len(names) - fusions :]))
    return judge(sheets, planned, ALPHA / 2), planned


def waiting(*accuracies: float, fusions: int = 0, seeds: int = SEEDS) -> set[str]:
    return set(settings_of(undecided(*judged(*accuracies, fusions=fusions, seeds=seeds), ALPHA / 2)))


def test_each_look_has_an_equal_part_of_the_level() -> None:
    assert level_of(()) == ALPHA and level_of((3, 4)) == pytest.approx(ALPHA / 3)


def test_a_claimed_setting_gets_no_seed_but_the_usual_choice_does() -> None:
    assert waiting(0.5, 0.9, 0.5) == {"0", "2"}


def test_nothing_waits_when_all_are_claimed() -> None:
    assert waiting(0.5, 0.9, 0.2) == set()


def test_a_contrast_in_one_category_keeps_its_setting() -> None:
    judgement, planned = judged(0.5, 0.9, 0.2)
    pairs = dict(judgement.pairs)
    pairs["two", "1", "0"] = judged(0.5, 0.5)[0].pairs["two", "1", "0"]
    assert undecided(replace(judgement, pairs=pairs), planned, ALPHA / 2) == {("two", "1", "0")}


def test_with_one_seed_everything_waits() -> None:
    assert waiting(0.2, 0.9, 0.5, seeds=1) == {"0", "1", "2"}


def test_a_fusion_waits_with_the_layers_that_it_does_not_beat_yet() -> None:
    assert waiting(0.4, 0.9, 0.1, 0.9, fusions=1) == {"1", "3"}


def test_a_fusion_that_beats_every_layer_is_decided() -> None:
    assert waiting(0.3, 0.6, 0.1, 0.9, fusions=1) == set()


def test_a_fusion_that_a_layer_beats_is_decided() -> None:
    assert waiting(0.3, 0.9, 0.9, 0.6, fusions=1) == set()


def test_without_a_usual_choice_only_fusions_are_planned() -> None:
    judgement, planned = judged(0.5, 0.5, 0.5)
    without = Planned(None, planned.singles, ())
    sheets = {name: judgement.sheets[name] for name in ("one", "two")}
    assert undecided(judge(sheets, without), without, ALPHA) == frozenset()
