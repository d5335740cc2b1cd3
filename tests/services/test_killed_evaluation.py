"""An evaluation that is killed in the middle: the same command asks what was not kept, and ends with equal files."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from s3_server import BUCKET, Server
from stage_runs import first_of_all
from study_runs import QUICK, contents, folder_of, shallowsight

from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects

pytestmark = pytest.mark.slow

KEPT, LOST = 20, 7  # answers before the kill: kept in the store, and given after the last that a bucket got
SETTING = "12"

# The evaluation writes down what it asks; where the file `kill` exists, it kills itself after some answers.
_MEDDLE = """
import os, pathlib, signal, sys, time
if "evaluate" in sys.argv:
    from shallowsight.evaluate.answer_log import AnswerLog
    from shallowsight.store import shared_lines
    from shallowsight.store.objects.opening import open_objects
    folder, url = pathlib.Path({folder!r}), sys.argv[sys.argv.index("--out") + 1]
    whole = AnswerLog.add
    shared_lines.PUT_SECONDS = 0.05
    def wait_until_put():
        objects = open_objects(url)
        while not [key for key in objects.keys("answers/")]:
            time.sleep(0.05)
        shared_lines.PUT_SECONDS = 1e6
    def add(self, answers):
        with (folder / "asked").open("a") as asked:
            asked.writelines(key + chr(10) for key in answers)
        if not (folder / "kill").exists():
            return whole(self, answers)
        items = list(answers.items())
        assert len(items) > {kept} + {lost}, "there is no middle"
        whole(self, dict(items[:{kept}]))
        if "://" in url:
            wait_until_put()
            whole(self, dict(items[{kept}:{kept} + {lost}]))
        os.kill(os.getpid(), signal.SIGKILL)
    AnswerLog.add = add
"""


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bool], tuple[int, list[str]]]]:
    """Evaluate in a process of its own: how it ended, and what was asked."""
    code = _MEDDLE.format(folder=str(tmp_path), kept=KEPT, lost=LOST)
    for name, value in first_of_all(tmp_path, code).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # with the local copy of a bucket

    def run(place: str, kill: bool) -> tuple[int, list[str]]:
        (tmp_path / "asked").unlink(missing_ok=True)
        (tmp_path / "kill").touch() if kill else (tmp_path / "kill").unlink()
        ended = shallowsight("evaluate", *QUICK, "--out", place, "--setting", SETTING)
        assert kill or ended.status == 0, ended.all
        return ended.status, (tmp_path / "asked").read_text().splitlines()

    yield run


def without_evaluation(quick: Path, folder: Path) -> Path:
    study = Path(shutil.copytree(quick, folder))
    shutil.rmtree(folder_of(study, f"evaluate {SETTING}"))
    shutil.rmtree(study / "answers")
    return study


def missing(quick: Path, kept: list[str]) -> list[str]:
    """The other questions; each model of a study is asked the same ones."""
    everything, also = ({json.loads(line)[0] for line in path.open()} for path in (quick / "answers").iterdir())
    assert everything == also and everything > set(kept)
    return sorted(everything - set(kept))


def test_in_a_folder(quick: Path, tmp_path: Path, evaluate: Callable[[str, bool], tuple[int, list[str]]]) -> None:
    study = without_evaluation(quick, tmp_path / "study")
    status, asked = evaluate(str(study), True)
    assert status == -signal.SIGKILL and len(asked) > KEPT
    _, again = evaluate(str(study), False)
    assert sorted(again) == missing(quick, asked[:KEPT])
    assert contents(study)[f"evaluate {SETTING}"] == contents(quick)[f"evaluate {SETTING}"]


def test_in_a_bucket_when_the_machine_is_gone(
    s3: Server, quick: Path, tmp_path: Path, evaluate: Callable[[str, bool], tuple[int, list[str]]]
) -> None:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    upload(without_evaluation(quick, tmp_path / "study"), objects)
    status, asked = evaluate(objects.url, True)
    assert status == -signal.SIGKILL
    shutil.rmtree(tmp_path / "home")
    kept = [line for key in objects.keys("answers/") for line in (objects.get_bytes(key) or b"").splitlines()]
    assert KEPT <= len(kept) <= KEPT + LOST
    _, again = evaluate(objects.url, False)
    assert sorted(again) == missing(quick, asked[: len(kept)]), "also those that only the lost machine had"
    digest, outputs = contents(quick)[f"evaluate {SETTING}"]
    for name in outputs:
        assert objects.get_bytes(f"cells/{digest}/{name}") == (quick / "cells" / digest / name).read_bytes()
    assert len(objects.keys("answers/")) == 2, "an object for each process; they stay"


def upload(folder: Path, objects: Objects) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path.parts[len(folder.parts)] in {"cells", "study.json", "plan.json"}:
            objects.put_file(path.relative_to(folder).as_posix(), path)
