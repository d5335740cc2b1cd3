"""Public benchmarks in a study through the whole pipeline, from a mirror and without a network."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from judge_server import gives, says, serving
from lmms_eval_numbers import own_numbers, recorded_model
from public_rows import FOR_SERVERS, MAKERS, write_set
from study_runs import QUICK, Ended, folder_of, ledger, named, shallowsight, with_set

from shallowsight.study.public_benchmarks import find_public

pytestmark = pytest.mark.slow

AT_ONCE = ("pope", "mmbench", "seedbench", "textvqa", "ocrbench", "cv_bench", "refcoco", "realworldqa", "mmvp")
LATER = ("mme", "gqa")  # cut at first, and missing
ASKED = (
    "settings=11",
    f"benchmarks=scenes_count {' '.join((*AT_ONCE, *LATER))} mmvet {' '.join(FOR_SERVERS)}",
    "data.benchmarks=mirror",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a mirror that has a whole set, a cut one, and not all."""
    folder = tmp_path_factory.mktemp("here")
    for name in (*AT_ONCE, "mme", "mmvet", *FOR_SERVERS):
        write_set(folder / "mirror", name)
    first = next((folder / "mirror" / "mme" / "data").iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    return folder


def study(here: Path, *words: str) -> Ended:
    return shallowsight("study", *QUICK, *with_set(*ASKED, *words), "--out", str(here / "study"), cwd=here)


def evaluation(here: Path) -> Path:
    """The cell of the study as it is planned now; an earlier evaluation's may lie beside it."""
    plan = json.loads((here / "study" / "plan.json").read_text())
    cells = plan["members"][0]["experiments"][0]["cells"]
    return here / "study" / "cells" / str(cells["evaluate"])


def scores(here: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((evaluation(here) / "scores.json").read_text())
    return found


def answers(here: Path, name: str) -> dict[int, str]:
    """What the trained model said, by the number of the row; of MMBench each rotation by its index."""
    lines = map(json.loads, (evaluation(here) / "samples.jsonl").read_text().splitlines())
    said = {int(row["id"]): str(row["prediction"]) for row in lines if row["benchmark"] == name}
    if name != "mmbench":
        return said
    index = [int(row["index"]) for row in MAKERS[name]()[0]]
    rotations: dict[int, list[int]] = {}
    for number in sorted(range(len(index)), key=index.__getitem__):
        rotations.setdefault(index[number] % 1_000_000, []).append(number)
    found: dict[int, str] = {}
    for numbers in rotations.values():
        found |= zip(numbers, said[numbers[0]].split(" | "), strict=True)
    return found


def test_a_study_with_public_benchmarks(here: Path) -> None:
    ended = study(here)
    assert ended.status == 0, ended.all
    found = scores(here)
    assert [b["name"] for b in found["benchmarks"]] == ["scenes_count", *AT_ONCE]
    pope = found["benchmarks"][1]
    assert pope["category"] == "hallucination" and pope["n"] == 6 and pope["refused"] == {}
    assert set(pope["official"]) == {"pope_accuracy", "pope_precision", "pope_recall", "pope_f1_score"}
    assert set(pope["ours"]) >= {"accuracy", "yes_ratio", "neither"}
    assert found["benchmarks"][2]["n"] == 4, "questions, not rotations"
    (kept,) = {file.parent for file in (here / "study" / "pictures").glob("*/*.safetensors")}
    rows = map(json.loads, (evaluation(here) / "samples.jsonl").read_text().splitlines())
    asked_about = {row["image_id"] for row in rows if row["benchmark"] in AT_ONCE}
    assert asked_about <= {file.stem for file in kept.iterdir()}, "more: rotations of a question may show another"
    assert "the set is cut" in found["not_run"]["mme"] and "has no set gqa" in found["not_run"]["gqa"]
    assert "only a judge" in found["not_run"]["mmvet"] and "in submissions/mmvet.json" in found["not_run"]["mmvet"]
    assert "benchmark mme will not be run: the set is cut" in ended.all
    report = json.loads((here / "study" / "report" / "report.json").read_text())
    assert {"count", "hallucination", "general"} <= set(report["categories"])
    assert set(report["not_run"]) == {"mme", "gqa", "mmvet"}
    page = (here / "study" / "report" / "report.html").read_text()
    assert "not run" in page and "the set is cut" in page

    sent = found["submissions"]
    assert {name: sent[name]["answers"] for name in sent} == {"mmvet": 3, "mmbench_test": 12, "textvqa_test": 4}
    record = json.loads((evaluation(here) / "cell.json").read_text())
    assert {said["file"] for said in sent.values()} == {n for n in record["outputs"] if n.startswith("submissions/")}
    (entry, *_) = json.loads((evaluation(here) / "submissions" / "textvqa_test.json").read_text())
    assert set(entry) == {"question_id", "answer"}
    assert {row["file"] for row in report["submissions"]} == {
        f"submissions/11-seed-0-{Path(said['file']).name}" for said in sent.values()
    }
    for row in report["submissions"]:
        copy = here / "study" / "report" / row["file"]
        assert copy.read_bytes() == (evaluation(here) / sent[row["benchmark"]]["file"]).read_bytes()

    before = len(ledger(here / "study"))
    assert study(here).status == 0
    assert named(ledger(here / "study")[before:], "started") == set(), "the same mirror gives the same cells"


def test_a_judge_scores_mmvet_and_is_asked_again_when_it_was_away(here: Path, tmp_path: Path) -> None:
    write_set(tmp_path / "mirror", "mmvet")
    words = ("settings=11", "benchmarks=mmvet scenes_count", "data.benchmarks=mirror", "judge.ask=true")
    words += ("judge.price_input=0", "judge.price_output=0", "judge.requests_per_minute=100000")
    out = ("--out", str(tmp_path / "study"))
    with serving(gives(401), says("1.0")) as server:
        command = (*QUICK, *with_set(*words, f"judge.url={server.url}"), *out)
        ended = shallowsight("study", *command, cwd=tmp_path)
        assert ended.status == 0, ended.all
        assert "the same command asks again" in ended.all and "undecided: " in ended.all
        found = json.loads((folder_of(tmp_path / "study", "judge 11") / "scores.json").read_text())
        assert found["judge"]["undecided"] == 3 and found["benchmarks"][-1]["bounds"] == [0.0, 1.0]
        before = len(ledger(tmp_path / "study"))
        again = shallowsight("study", *command, cwd=tmp_path)
        assert again.status == 0, again.all
        assert named(ledger(tmp_path / "study")[before:], "started") == {"judge 11"}
    found = json.loads((folder_of(tmp_path / "study", "judge 11") / "scores.json").read_text())
    assert found["judge"]["undecided"] == 0
    assert {b["name"]: b["value"] for b in found["benchmarks"]}["mmvet"] == 1.0


def test_sets_that_came_are_asked_and_the_official_numbers_of_all_are_lmms_evals(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (here / "study").exists():
        assert study(here).status == 0
    for name in LATER:
        shutil.rmtree(here / "mirror" / name, ignore_errors=True)
        write_set(here / "mirror", name)
    before = len(ledger(here / "study"))
    ended = study(here)
    assert ended.status == 0, ended.all
    assert named(ledger(here / "study")[before:], "started") == {"evaluate 11"}, "nothing is trained again"
    assert set(scores(here)["not_run"]) == {"mmvet"}, "which only a judge scores: the test of the judge"
    monkeypatch.chdir(tmp_path)  # lmms-eval writes files
    scored = {each["name"]: each for each in scores(here)["benchmarks"]}
    for name in (*AT_ONCE, *LATER):
        said = answers(here, name)
        model = recorded_model(lambda _, number, said=said: said[number], tmp_path)
        theirs = own_numbers(name, model, here / "mirror", tmp_path / name)
        benchmark = find_public(name)
        assert benchmark is not None
        assert scored[name]["official"] == {key: theirs[key] for key in benchmark.official}, name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("benchmarks=pope",),
            "name the folder or s3:// URL of their rows in data.benchmarks; `shallowsight benchmarks",
        ),
        (("benchmarks=pope", "data.benchmarks=none"), "data.benchmarks: there is no folder"),
        (("benchmarks=gqa mme", "data.benchmarks=mirror"), "no benchmark can be asked: gqa: the mirror"),
        (
            ("benchmarks=mmbench_test mmvet", "data.benchmarks=mirror", "probes=false"),
            "nothing would be compared, name a benchmark that is scored here too: mmbench_test: only its server can "
            "score its answers; mmvet: only a judge can score its answers",
        ),
        (("benchmarks=popes",), "no benchmark 'popes', did you mean 'pope'?"),
    ],
)
def test_refused_before_anything_is_made(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    for name in ("pope", "mmbench_test", "mmvet"):
        write_set(tmp_path / "mirror", name)
    ended = shallowsight("study", *QUICK, *with_set(*words), "--out", str(tmp_path / "study"), cwd=tmp_path)
    assert ended.status == 2 and message in ended.err and "Traceback" not in ended.all
    assert not (tmp_path / "study").exists()
