"""Public benchmarks on made-up rows in their real schema: lmms-eval's numbers to the last digit, and ours."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lmms_eval_numbers import Say, own_numbers, recorded_model
from public_rows import FOR_SERVERS, MAKERS, write_set

from shallowsight.data.public.mirror import local_set, read_set
from shallowsight.evaluate.harness import run_lmms_eval
from shallowsight.evaluate.judge.decisions import bounds
from shallowsight.evaluate.public.asking import Asked, PublicSet, ask
from shallowsight.study.public_benchmarks import find_public

pytestmark = pytest.mark.slow


def letter_or_text(doc: Mapping[str, Any], number: int) -> str:
    """Right, wrong, long, empty and doubtful answers of every form."""
    truth = str(doc.get("answer", doc.get("Correct Answer", "")))
    if isinstance(doc.get("answer"), list):
        truth = doc["answer"][0]
    forms = (truth, f"{truth}.", truth.lower(), "Because of the light", "no", f"The answer is {truth}.", "", "A or B")
    return forms[number % len(forms)]


def box(doc: Mapping[str, Any], number: int) -> str:
    return ("It is [0.1, 0.1, 0.6, 0.6]", "[0.1,0.1,0.2,0.2]", "[0.6, 0.6, 0.1, 0.1]", "somewhere")[number % 4]


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[Say], Any]:
    return lambda say: recorded_model(say, tmp_path)


def asked(name: str, model: Any, tmp_path: Path, most: int = 0) -> Asked:
    benchmark = find_public(name)
    assert benchmark is not None
    mirror = tmp_path / "mirror"
    if not (mirror / benchmark.folder).exists():
        write_set(mirror, name)
    record = read_set(str(mirror), benchmark)
    work = tmp_path / f"work-{len(list(tmp_path.iterdir()))}"
    work.mkdir()
    public = PublicSet(benchmark, local_set(str(mirror), benchmark, record), record.split)
    return ask(public, most, model, lambda tasks, folder: run_lmms_eval(model, tasks, folder), work)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in {"mmvet", "refcoco_caption", *FOR_SERVERS}])
def test_the_official_numbers_are_lmms_evals(
    name: str, recorded: Callable[[Say], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # lmms-eval writes files
    model = recorded(box if name == "refcoco" else letter_or_text)
    found = asked(name, model, tmp_path)
    theirs = own_numbers(name, model, tmp_path / "mirror", tmp_path / "own")
    benchmark = find_public(name)
    assert benchmark is not None
    assert found.official == {key: theirs[key] for key in benchmark.official}
    assert found.not_run == "" and found.rows


def always(text: str) -> Say:
    return lambda doc, number: text


def right(doc: Mapping[str, Any], number: int) -> str:
    truth = doc.get("answer", doc.get("Correct Answer"))
    return str(truth[0] if isinstance(truth, list) else truth)


def test_pope_reads_yes_with_a_full_stop(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("pope", recorded(lambda doc, n: f"{doc['answer'].capitalize()}."), tmp_path)
    assert found.official["pope_accuracy"] == 0.0
    assert found.ours["accuracy"] == found.ours["f1"] == 1.0 and all(row["correct"] == 1.0 for row in found.rows)
    assert [row["official"] for row in found.rows] == [0.0] * 6
    assert {row["subtask"] for row in found.rows} == {"random", "popular", "adversarial"}


def test_the_share_of_yes_is_the_models(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("pope", recorded(always("yes")), tmp_path)
    assert found.ours["yes_ratio"] == 1.0 and found.ours["recall"] == 1.0 and found.ours["precision"] == 0.5
    assert asked("pope", recorded(always("maybe")), tmp_path).ours["neither"] == 1.0


def test_mmbench_draws_no_letters(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("mmbench", recorded(always("I cannot say")), tmp_path)
    assert found.official["gpt_eval_score"] == 0.0
    assert len(found.rows) == 4 and all(row["undecided"] and row["correct"] == 0.0 for row in found.rows)
    assert bounds(found.rows) == (0.0, 1.0)
    again = asked("mmbench", recorded(always("I cannot say")), tmp_path)
    assert again.rows == found.rows


def test_mmbench_counts_a_question_once(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("mmbench", recorded(lambda doc, n: "B" if doc["index"] == 1_000_001 else right(doc, n)), tmp_path)
    assert [row["correct"] for row in found.rows] == [1.0, 0.0, 1.0, 1.0]
    assert found.official["gpt_eval_score"] == 75.0
    assert [row["groups"] for row in found.rows] == [["coarse"], ["reasoning"]] * 2


def test_cv_bench_as_its_authors_define_it(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("cv_bench", recorded(lambda doc, n: doc["answer"] if doc["source"] != "COCO" else "(C)"), tmp_path)
    assert found.official["cv_bench_acc"] == 0.6
    assert found.ours == {"2d": 0.5, "3d": 1.0, "combined": 0.75}


def test_ocrbench_divides_by_its_own_size_and_models_do_not_add_up(
    recorded: Callable[[Say], Any], tmp_path: Path
) -> None:
    for _ in range(2):
        found = asked("ocrbench", recorded(right), tmp_path)
        assert found.official["ocrbench_accuracy"] == 6 / 1000
        assert found.ours == {"points": 6.0, "accuracy": 1.0}


def test_mme_ours_and_theirs(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("mme", recorded(right), tmp_path)
    assert found.official == {"mme_perception_score": 600.0, "mme_cognition_score": 200.0}
    assert found.ours == {"perception": 600.0, "cognition": 200.0}
    assert found.rows[0]["groups"] == ["coarse"] and len({row["image_id"] for row in found.rows}) == 8


@pytest.mark.parametrize(("name", "most", "rows"), [("mme", 5, 4), ("mmbench", 4, 1), ("mmvp", 3, 2), ("pope", 4, 4)])
def test_a_limit_parts_no_pairs(
    name: str, most: int, rows: int, recorded: Callable[[Say], Any], tmp_path: Path
) -> None:
    found = asked(name, recorded(right), tmp_path, most)
    assert len(found.rows) == rows and found.some_of == len(MAKERS[name]()[0])
    if name == "mme":
        assert found.official["mme_perception_score"] == 400.0, "each pair is whole"
    if name == "mmvp":
        assert found.official["mmvp_pair_accuracy"] == 1.0


def test_seedbench_reads_options_and_names_sub_tasks(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("seedbench", recorded(always("Because it barks")), tmp_path)
    assert found.official["seed_image"] == 0.25, "B is its first letter"
    assert all(row["undecided"] for row in found.rows)
    assert found.rows[4]["subtask"] == "Instance Counting" and found.rows[4]["groups"] == ["fine", "counting"]


def test_boxes_count_from_an_overlap_of_a_half(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("refcoco", recorded(always("[0.1, 0.1, 0.6, 0.6]")), tmp_path)
    assert len(found.rows) == 6, "one for each expression"
    assert found.official["refcoco_IoU"] == pytest.approx(1.0) and [row["correct"] for row in found.rows] == [1.0] * 6
    assert asked("refcoco", recorded(always("[0.6, 0.6, 0.1, 0.1]")), tmp_path).rows[0]["correct"] == 0.0


def test_textvqa_has_soft_scores_and_asks_as_lmms_eval_does(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("textvqa", recorded(always("stop")), tmp_path)
    assert [round(row["correct"], 2) for row in found.rows] == [0.6, 0.9, 1.0, 1.0]
    assert found.rows[0]["question"].startswith("What does sign 0 say?"), "capitalize() makes the rest small"


def test_mmvet_asks_the_question_alone_and_scores_nothing(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    found = asked("mmvet", recorded(always("-1 or -5")), tmp_path)
    assert [row["question"] for row in found.rows] == [f"What is x of {n}?" for n in range(3)]
    assert found.official == {} and all(row["undecided"] for row in found.rows) and bounds(found.rows) == (0.0, 1.0)


def test_questions_that_are_refused_are_counted_and_not_scored(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    model = recorded(right)
    model.refused["shallowsight_public_pope", 2] = "it shows 2 pictures at once"
    found = asked("pope", model, tmp_path)
    assert [row["id"] for row in found.rows] == ["0", "1", "3", "4", "5"]
    assert found.refused == {"2": "it shows 2 pictures at once"} and found.official == {}


def test_a_task_of_lmms_eval_by_name(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    folder = write_set(tmp_path / "mirror", "pope")
    folder.rename(folder.with_name("lmms-pope"))
    found = asked("lmms:pope", recorded(right), tmp_path)
    assert found.official["pope_accuracy"] == 1.0 and [row["correct"] for row in found.rows] == [1.0] * 6
    assert found.rows[0]["category"] == "pope"


def test_an_unknown_task_is_not_run(recorded: Callable[[Say], Any], tmp_path: Path) -> None:
    folder = write_set(tmp_path / "mirror", "pope")
    folder.rename(folder.with_name("lmms-no_such_task"))
    found = asked("lmms:no_such_task", recorded(right), tmp_path)
    assert found.rows == [] and "lmms-eval has no task 'no_such_task'" in found.not_run
