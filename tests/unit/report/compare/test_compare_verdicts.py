"""What a comparison of two studies says of each setting."""

import json
from pathlib import Path

import numpy as np
import pytest
from two_studies import FLAT, compared, of, study

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.compare.values import Compared, Verdict
from shallowsight.report.compare.words import headline, require_compared, require_tested, sentences

WORSE = {"count": {**FLAT["count"], 7: 0.25}, "colour": {**FLAT["colour"], 7: 0.45}}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return study(tmp_path_factory.mktemp("b") / "before")


@pytest.fixture(scope="module")
def dropped(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Layer 7 lost 35 points in both categories."""
    return compared(before, study(tmp_path_factory.mktemp("a") / "after", 1, curves=WORSE))


def test_a_large_drop_is_found_and_nothing_else(dropped: Compared) -> None:
    worse = {(d.pair.before.setting, d.category) for d in dropped.having(Verdict.WORSE)}
    assert worse == {("7", "count"), ("7", "colour"), ("7", OVERALL)}
    assert not dropped.having(Verdict.BETTER)
    assert headline(dropped) == "The second study is worse in 3 of 9 comparisons"
    assert sentences(dropped)[0].startswith("Worse: layer 7 on count, colour and all categories.")


def test_a_difference_is_after_less_before_with_an_interval_around_it(dropped: Compared) -> None:
    found = of(dropped, "7", OVERALL)
    assert found.gap is not None and found.interval is not None
    assert found.gap == pytest.approx(-0.35, abs=0.05)  # 300 questions of each category: a standard error below 0.02
    assert found.interval[0] < found.gap < found.interval[1] < 0
    assert found.seeds == (5, 5)


def test_exchanged_studies_exchange_the_verdicts(before: Path, tmp_path: Path) -> None:
    after = study(tmp_path / "after", 1, curves=WORSE)
    one, other = of(compared(before, after), "7", "count"), of(compared(after, before), "7", "count")
    assert one.gap is not None and other.gap is not None
    assert (one.gap, one.p) == (pytest.approx(-other.gap), pytest.approx(other.p))
    assert (one.verdict, other.verdict) == (Verdict.WORSE, Verdict.BETTER)


def test_equal_studies_are_not_told_apart(before: Path, tmp_path: Path) -> None:
    found = compared(before, study(tmp_path / "after", 1))
    assert {d.verdict for d in found.differences} == {Verdict.NOT_DISTINGUISHABLE}
    assert headline(found) == "No difference is more than chance explains"
    assert any(s.startswith("With these seeds and pictures, a difference over all") for s in sentences(found))


def test_the_same_cells_are_the_same_model(before: Path) -> None:
    found = compared(before, before)
    assert {d.verdict for d in found.differences} == {Verdict.SAME_MODEL}
    assert {(d.gap, d.p) for d in found.differences} == {(0.0, None)}
    assert {d.why for d in found.differences} == {"the same trained cells"}
    assert headline(found) == "The same models: nothing was trained anew"
    require_compared(found)


def test_more_seeds_of_the_same_training_are_the_same_model(before: Path, tmp_path: Path) -> None:
    found = compared(before, study(tmp_path / "after", 0, seeds=(0, 1, 2, 3, 4, 5)))
    assert {d.verdict for d in found.differences} == {Verdict.SAME_MODEL}
    assert of(found, "7", "count").why == "5 of 6 trainings are the same cells, the others differ in the seed alone"


def test_a_setting_that_was_trained_anew_among_others_that_were_not(before: Path, tmp_path: Path) -> None:
    after = study(tmp_path / "after", 0)
    _take_over("7", after, study(tmp_path / "anew", 1, curves=WORSE))
    found = compared(before, after)
    assert {d.verdict for d in found.differences if d.pair.before.setting != "7"} == {Verdict.SAME_MODEL}
    assert {d.verdict for d in found.differences if d.pair.before.setting == "7"} == {Verdict.WORSE}


def test_the_same_models_do_not_stand_in_for_the_seeds_of_a_gate(tmp_path: Path) -> None:
    before, after = (study(tmp_path / name, 0, seeds=(0,)) for name in ("before", "after"))
    require_tested(compared(before, after))  # nothing can be worse
    _take_over("7", after, study(tmp_path / "anew", 1, seeds=(0,), curves=WORSE))
    found = compared(before, after)
    assert {d.verdict for d in found.differences} == {Verdict.SAME_MODEL, Verdict.FEW_SEEDS}
    with pytest.raises(ConfigurationError, match="--fail-if-worse: no comparison has enough seeds"):
        require_tested(found)


def _take_over(setting: str, to: Path, of_other: Path) -> None:
    """The setting's trainings of the other study in place of its own."""
    plan, other = (json.loads((folder / "plan.json").read_text()) for folder in (to, of_other))
    place = [m["setting"] for m in plan["members"]].index(setting)
    plan["members"][place] = other["members"][place]
    (to / "plan.json").write_text(json.dumps(plan))
    for cell in (of_other / "cells").iterdir():
        cell.rename(to / "cells" / cell.name)


def test_one_seed_is_too_few(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0, seeds=(0,)), study(tmp_path / "a", 1, seeds=(0,), curves=WORSE))
    assert {d.verdict for d in found.differences} == {Verdict.FEW_SEEDS}
    assert headline(found) == "Too few seeds: no difference can be told from training noise"


def test_few_pictures_are_not_comparable(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0, n=12), study(tmp_path / "a", 1, n=12))
    assert {d.why for d in found.differences} == {"too few pictures: 12 that count, 20 are needed"}
    with pytest.raises(ConfigurationError, match="cannot be compared: too few pictures"):
        require_compared(found)


def test_a_setting_without_a_result_is_not_comparable(before: Path, tmp_path: Path) -> None:
    unfinished = {("7", seed) for seed in range(5)}
    found = compared(before, study(tmp_path / "a", 1, unfinished=unfinished))
    missing = of(found, "7", "count")
    assert missing.verdict is Verdict.NOT_COMPARABLE and missing.after is None
    assert missing.why == "the second study has no finished training of it"
    assert "5 trainings of the second study have no result, and are not compared" in found.notes
    assert of(found, "2", "count").verdict is Verdict.NOT_DISTINGUISHABLE


def test_other_pictures_are_unpaired(before: Path, tmp_path: Path) -> None:
    after = study(tmp_path / "a", 1, pictures="other", curves=WORSE, n=240)
    found = compared(before, after)
    asked = found.questions["count"]
    assert not asked.paired and (asked.before, asked.after) == (300, 240)
    assert asked.says.startswith("unpaired: of 300 and 240 questions 0 are the same")
    assert of(found, "7", OVERALL).verdict is Verdict.WORSE
    assert of(found, "2", OVERALL).verdict is Verdict.NOT_DISTINGUISHABLE


def test_questions_that_both_have_are_compared_alone(before: Path, tmp_path: Path) -> None:
    found = compared(before, study(tmp_path / "a", 1, n=200))
    asked = found.questions["count"]
    assert asked.paired and (asked.before, asked.after) == (200, 200)
    assert asked.says == "paired: the same 200 questions about 200 pictures, of 300 and 200"


def test_pictures_of_changed_files_are_known_by_name(before: Path, tmp_path: Path) -> None:
    def change(document: dict[str, dict[str, dict[str, str]]]) -> None:
        document["sources"]["scenes"]["digest"] = "d2"

    found = compared(before, study(tmp_path / "a", 1, change))
    assert found.questions["count"].paired
    assert found.questions["count"].says.endswith("pictures are known by their names only")


def test_a_category_of_other_benchmarks_is_not_comparable(tmp_path: Path) -> None:
    names = {"count": "hallucination", "colour": "colour"}  # own:hallucination in place of scenes_count

    def curves(of: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
        return {names[key]: curve for key, curve in of.items()}

    before, after = study(tmp_path / "b", 0), study(tmp_path / "a", 1, curves=curves(FLAT))
    found = compared(before, after)
    refused = of(found, "7", "hallucination")
    assert refused.verdict is Verdict.NOT_COMPARABLE and refused.contrast is None
    assert refused.why == "the studies have no benchmark of it in common (none and own:hallucination)"
    assert of(found, "7", "colour").verdict is Verdict.NOT_DISTINGUISHABLE
    assert not any(d.category == OVERALL for d in found.differences), "one category is left"


def test_seeds_that_gave_the_same_answers_count_once(tmp_path: Path) -> None:
    """Else two copies of one training would look like a training without noise."""
    before, after = study(tmp_path / "b", 0, seeds=(0, 1)), study(tmp_path / "a", 1, seeds=(0, 1), curves=WORSE)
    for folder in (before, after):
        for member in json.loads((folder / "plan.json").read_text())["members"]:
            first, second = (e["cells"]["evaluate"] for e in member["experiments"])
            for name in ("samples.jsonl", "scores.json", "cell.json"):
                copied = (folder / "cells" / first / name).read_bytes().replace(first.encode(), second.encode())
                (folder / "cells" / second / name).write_bytes(copied)
    found = compared(before, after)
    assert {d.verdict for d in found.differences} == {Verdict.FEW_SEEDS}
    assert any("counted as one seed" in note for note in found.notes)


def test_false_alarms_are_rare(tmp_path: Path) -> None:
    """Eight pairs of equal studies with three noisy seeds; the level allows one alarm in twenty pairs at most."""
    alarms = 0
    for number in range(8):
        rngs = [np.random.default_rng([number, side]) for side in range(2)]
        sides = [
            study(tmp_path / f"{number}-{side}", 10 * number + side, seeds=(0, 1, 2), seed_sd=0.03, n=80, rng=rng)
            for side, rng in enumerate(rngs)
        ]
        found = compared(*sides)
        alarms += bool(found.having(Verdict.WORSE) or found.having(Verdict.BETTER))
    # More than two of eight has a probability below 0.6 % at 5 %.
    assert alarms <= 2
