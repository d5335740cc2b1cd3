"""Who goes on in a halved study, what that costs, and what the keys of halving refuse."""

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.study.halving import Halving, expected_counts, full_runs, promote
from shallowsight.study.overrides import load_study
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study

TEN = {str(layer): layer / 10 for layer in range(1, 11)}  # the deeper the better
ON = ("halving.eta=3", "finetune.schedule=constant_then_decay", "finetune.warmup=0.02")


def study(*words: str) -> Study:
    return load_study("quick", words, lambda _: 12)


def test_the_parts_of_the_rungs() -> None:
    assert Halving().parts == (1,)
    assert Halving(eta=3).parts == (9, 3, 1)
    assert Halving(eta=2, rungs=4).parts == (8, 4, 2, 1)
    assert [Halving(eta=3).trained_before(part) for part in (9, 3, 1)] == [None, 9, 3]


@pytest.mark.parametrize(
    ("eta", "settings", "places"), [(3, 24, (24, 8, 3)), (4, 24, (24, 6, 2)), (3, 2, (2, 1, 1)), (2, 5, (5, 3, 1))]
)
def test_places(eta: int, settings: int, places: tuple[int, ...]) -> None:
    halving = Halving(eta=eta)
    assert tuple(halving.places(settings, part) for part in halving.parts) == places


def test_the_best_take_the_places_but_one_which_is_the_controls() -> None:
    found = promote(TEN, 4, ())
    assert set(found.going_on) == {"8", "9", "10", found.control}
    assert found.control in {str(layer) for layer in range(1, 8)}
    assert list(found.going_on) == sorted(found.going_on, key=int), "in the order of the study"


def test_equal_scores_are_taken_in_the_order_of_the_study() -> None:
    assert set(promote(dict.fromkeys("dacb", 0.5), 3, (), control="b").going_on) == {"d", "a", "b"}


def test_those_that_are_kept_take_places_and_the_best_goes_on_in_any_case() -> None:
    assert set(promote(TEN, 4, ("1", "2"), control="5").going_on) == {"1", "2", "5", "10"}
    assert set(promote(TEN, 1, ("1", "2"), control="5").going_on) == {"1", "2", "5", "10"}
    assert set(promote(TEN, 5, ("1", "10"), control="5").going_on) == {"1", "10", "5", "9", "8"}


def test_the_control_is_drawn_from_the_dropped_by_its_seed() -> None:
    drawn = [promote(TEN, 3, (), seed=seed).control for seed in range(60)]
    assert set(drawn) == {str(layer) for layer in range(1, 9)}
    assert drawn == [promote(TEN, 3, (), seed=seed).control for seed in range(60)]
    assert promote(TEN, 3, (), control="4", seed=1).control == "4", "the one that was drawn stays"


def test_nothing_is_dropped_where_all_are_kept() -> None:
    found = promote({"3": 0.1, "8": 0.2}, 1, ("3", "8"))
    assert found.going_on == ("3", "8") and found.control == ""


def test_full_runs() -> None:
    parts = (9, 3, 1)
    assert full_runs((24, 24, 24), parts, 0.0) == pytest.approx(24)
    assert full_runs((24, 8, 3), parts, 0.0) == pytest.approx(24 / 9 + 8 * 2 / 9 + 3 * 2 / 3)
    assert full_runs((24, 8, 3), parts, 0.0, resumed=False) == pytest.approx(24 / 9 + 8 / 3 + 3)
    # The decay of each shorter training is not part of the longer one.
    decays = 8 * 0.1 / 9 + 3 * 0.1 / 3
    assert full_runs((24, 8, 3), parts, 0.1) == pytest.approx(full_runs((24, 8, 3), parts, 0.0) + decays)


def test_expected_counts_are_at_most_reached() -> None:
    halving = Halving(eta=4)
    assert expected_counts(halving, 24, 3) == (24, 6, 5)
    assert expected_counts(halving, 3, 3) == (3, 3, 3)
    counts = [24]
    going = {str(layer): float(layer) for layer in range(24)}
    control = ""
    for part in halving.parts[1:]:
        found = promote(going, halving.places(24, part), ("2", "17", "22"), control)
        going, control = {s: going[s] for s in found.going_on}, found.control
        counts.append(len(going))
    assert tuple(counts) == (24, 6, 5)


def test_a_study_trains_each_setting_as_far_as_it_has_come() -> None:
    halved = study(*ON, "settings=6 9 last", "halving.promoted=9=3 12=1", "halving.control=9")
    lengths = {text: halved.at(Setting.parse(text), 0).finetune.part for text in ("6", "9", "12")}
    assert lengths == {"6": 9, "9": 3, "12": 1}
    assert halved.at(Setting.parse("6"), 0, 1).finetune.part == 1
    assert halved.halving.control == "9" and halved.at(Setting.parse("6"), 0).pretrain.part == 1
    assert study("settings=6 9").at(Setting.parse("6"), 0).finetune.part == 1


def test_promoted_settings_are_written_in_any_form() -> None:
    assert study(*ON, "halving.promoted=3,8:concat=3").halving.reached == {"3,8:concat": 3}
    assert study(*ON, "halving.promoted=3,8=3").halving.reached == {"3,8:concat": 3}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ON[:1], "halving.eta=3 with finetune.schedule=cosine: .* needs finetune.schedule=const", id="cosine"
        ),
        pytest.param((*ON, "finetune.part=3"), "finetune.part=3: halving chooses the part", id="part"),
        pytest.param((*ON, "more_seeds=7"), "more_seeds with halving.eta: a study may have one of them", id="seeds"),
        pytest.param(
            (*ON, "finetune.warmup=0.1"),
            r"finetune.warmup=0.1: the first rung of halving is 1/9 of the updates .* a warmup of less than 0.1",
            id="warmup",
        ),
        pytest.param(("halving.eta=1",), "eta=1: each rung must be longer", id="eta"),
        pytest.param((*ON, "halving.rungs=1"), "at least 2", id="rungs"),
        pytest.param(
            (*ON, "halving.promoted=9=2"), "9=2: the rungs after the first one end after the parts 1/3, 1/1", id="rung"
        ),
        pytest.param((*ON, "halving.promoted=9=9"), "the rungs after the first one", id="first rung"),
        pytest.param(("halving.promoted=9=1",), "of no halving, which is off", id="off"),
        pytest.param((*ON, "halving.promoted=9"), "promoted: write SETTING=PART, such as 9=3", id="no part"),
        pytest.param((*ON, "halving.promoted=9=3 9=1"), "name each setting once", id="twice"),
        pytest.param(("halving=3",), "unknown key 'halving'; did you mean", id="no key"),
        pytest.param(("pretrain.schedule=constant_then_decay", "pretrain.part=2"), "use finetune.part", id="pretrain"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        study(*words)
