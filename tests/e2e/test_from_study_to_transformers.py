"""The way of docs/export.md: a study, an export, questions in a terminal, and a process with transformers alone."""

import json
import subprocess
from pathlib import Path

import pytest
from stock_process import ask_stranger, user
from study_runs import QUICKER, Ended, environment, folder_of, shallowsight, with_set

from shallowsight.data.records import read_jsonl
from shallowsight.data.shards import Shards

pytestmark = pytest.mark.slow
SETTING = "4,8:concat"


@pytest.fixture(scope="module")
def study(once, quick: Path) -> Path:
    """The demo for export, with less of everything and, for its data and layers are those, with what `quick` has."""
    words = with_set(*QUICKER, f"settings={SETTING}", "seeds=0")
    folder, ended = once("stock", "demo-stock", *words, begun=(quick, ("prepare", "analyze")))
    assert ended.status == 0, ended.all
    assert "2 cells are whole, 5 are to be made" in ended.out
    return folder


@pytest.fixture(scope="module")
def exported(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "my-model"
    ended = shallowsight("export", str(study), str(out), "--setting", SETTING)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"{out}: load it as {out}/README.md shows. What is not as in the study:\n- ")
    return out


@pytest.fixture(scope="module")
def asked(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str, str]]:
    """Picture, question and the evaluation's answer of each question of the test."""
    samples = read_jsonl(folder_of(study, f"evaluate {SETTING}") / "samples.jsonl")
    prepared = folder_of(study, "prepare")
    shards, folder = Shards(prepared), tmp_path_factory.mktemp("pictures")
    found = []
    for number, sample in enumerate(samples):
        picture = folder / f"{number}.png"
        shards.image(sample["image_id"]).save(picture)
        found.append((picture, sample["question"], sample["prediction"]))
    return found


def test_transformers_alone_gives_the_answers_of_the_evaluation(
    exported: Path, asked: list[tuple[Path, str, str]], tmp_path: Path
) -> None:
    found = ask_stranger(exported, [(picture, [user(question)]) for picture, question, _ in asked], tmp_path, 32)
    expected = [answer for _, _, answer in asked]
    assert len(expected) >= 50 and len(set(expected)) > 5
    # The evaluation rounds features to half precision, so two nearly equal tokens may change places in a rare answer.
    same = sum(a == b for a, b in zip(found.answers, expected, strict=True))
    print(f"{same} of {len(expected)} answers are those of the evaluation")
    assert same >= 0.96 * len(expected)


def chat(*arguments: str, lines: str | None = None) -> Ended | str:
    from study_runs import COMMAND

    command = [str(COMMAND), "chat", *arguments]
    done = subprocess.run(command, input=lines, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_chat_with_the_study_and_with_the_folder(
    study: Path, exported: Path, asked: list[tuple[Path, str, str]]
) -> None:
    picture, question, answer = asked[0]
    assert chat(str(study), str(picture), question, "--setting", SETTING, "--seed", "0") == f"{answer}\n"
    lines = chat(str(exported), str(picture), lines=f"{question}\n\nAnd now?\n")
    assert isinstance(lines, str) and len(lines.splitlines()) == 2


def test_the_report_names_the_setting(study: Path) -> None:
    found = json.loads((study / "report" / "recommendation.json").read_text())["transformers"]
    assert (found["setting"], found["vision_feature_layer"]) == (SETTING, [4, 8])


def test_mistakes_are_one_line(study: Path, exported: Path, tmp_path: Path) -> None:
    for words, said in (
        (("export", str(study), str(tmp_path / "x")), f"choose one by --setting; trained are {SETTING} (seed 0)"),
        (("export", str(exported), str(tmp_path / "x")), "in the form of transformers already"),
        (("chat", str(exported), str(tmp_path / "no.png")), "no picture"),
    ):
        ended = shallowsight(*words)
        assert ended.status == 2 and said in ended.err and len(ended.err.splitlines()) == 1, ended.all
