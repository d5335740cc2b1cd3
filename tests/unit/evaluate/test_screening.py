"""A trained model that is asked look by look, over a tiny real model and real lmms-eval."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from public_rows import write_set

from shallowsight.data.public.mirror import local_set, read_set
from shallowsight.data.records import read_jsonl
from shallowsight.evaluate import screening
from shallowsight.evaluate.answer_log import AnswerLog
from shallowsight.evaluate.harness import SAMPLES, Evaluated, evaluate, open_model, require_lmms_eval
from shallowsight.evaluate.public.asking import PublicSet
from shallowsight.store.lines import Lines
from shallowsight.study.early_stop import LOOKS, SCREEN, Screened
from shallowsight.study.experiment import Experiment
from shallowsight.study.public_benchmarks import find_public

pytestmark = pytest.mark.slow  # two models are trained for some updates, and lmms-eval is imported

PUBLIC = ("mmbench", "mme")  # whose rows belong together


@pytest.fixture(scope="module")
def asked(
    small: Callable[..., Experiment], prepared: Any, facts: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Evaluated]:
    """One trained model, and what it is asked: the study's own questions, and public sets with all or some rows."""
    from shallowsight.train.process_task import ProcessTask
    from shallowsight.train.stage import run_stage

    root = tmp_path_factory.mktemp("asked")
    experiment = small(finetune__updates=20, benchmarks=["own", "own:colour"], data__held_out=0)
    common = {"experiment": experiment, "tower": facts, "data": prepared.folder, "feature_folders": None}
    (root / "model").mkdir()
    job = ProcessTask(**common, stage="finetune", start=None, out=root / "model", work=root / "work", threads=1)
    run_stage(job, lambda *_: None)
    sets = [_set(root / "mirror", name) for name in PUBLIC]

    def make(rows: int = 0, log: AnswerLog | None = None) -> Evaluated:
        data = experiment.data.model_copy(update={"benchmark_rows": rows})
        return Evaluated(experiment.model_copy(update={"data": data}), root / "model", prepared.folder, None, sets, log)

    return make


def _set(mirror: Path, name: str) -> PublicSet:
    benchmark = find_public(name)
    assert benchmark is not None
    write_set(mirror, name)
    record = read_set(str(mirror), benchmark)
    return PublicSet(benchmark, local_set(str(mirror), benchmark, record), record.split)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    yield make


def in_full(about: Evaluated, folder: Callable[[str], Path], name: str) -> list[dict[str, Any]]:
    evaluate(about, out := folder(name), folder(f"{name} work"))
    return list(read_jsonl(out / SAMPLES))


@pytest.mark.parametrize("rows", [0, 6])
def test_the_looks_together_are_the_whole_evaluation(
    asked: Callable[..., Evaluated], folder: Callable[[str], Path], rows: int
) -> None:
    """Every question once, with the answer, the number and the picture that it has there, rotations included."""
    about = asked(rows)
    whole = in_full(about, folder, "whole")
    require_lmms_eval(work := folder("looks"))
    questions, model = screening._Questions.of(about, whole), open_model(about)
    looks = [screening._ask(questions, model, work, look) for look in range(1, LOOKS + 1)]
    assert all(looks), "or the test shows little"

    def told(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        columns = ("benchmark", "category", "id", "question", "prediction", "target", "correct")
        return sorted(tuple(str(row[column]) for column in columns) for row in found)

    assert told([row for look in looks for row in look]) == told(whole)
    pictures = {(row["benchmark"], row["id"]): row["image_id"] for row in whole}
    for benchmark in {row["benchmark"] for row in whole}:
        seen = [{pictures[benchmark, r["id"]] for r in look if r["benchmark"] == benchmark} for look in looks]
        assert sum(map(len, seen)) == len(set().union(*seen)), "all questions about one picture stay together"


def test_an_evaluation_that_goes_on_asks_only_what_is_missing(
    asked: Callable[..., Evaluated], folder: Callable[[str], Path], tmp_path: Path
) -> None:
    whole = in_full(asked(), folder, "whole")
    log = tmp_path / "answers.jsonl"
    require_lmms_eval(work := folder("looks"))
    screening.screen(asked(log=AnswerLog(Lines(log))), "11", whole, out := folder("out"), work)
    found = Screened.model_validate_json((out / SCREEN).read_bytes())
    assert not found.stopped and len(found.looks) == LOOKS - 1 and found.questions == len(whole)
    assert {path.name for path in out.iterdir()} == {SCREEN}
    before = log.read_text().splitlines()
    assert 0 < len(before) and found.asked < len(whole)

    assert in_full(asked(log=AnswerLog(Lines(log))), folder, "after") == whole
    after = log.read_text().splitlines()
    assert after[: len(before)] == before and len(set(after)) == len(after) > len(before)


def test_a_model_that_clearly_loses_is_asked_nothing_more(
    asked: Callable[..., Evaluated], folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of so few pictures a test would say nothing, so that the smallest number of pictures is lowered here."""
    from shallowsight.evaluate.statistics import early_stop

    monkeypatch.setattr(early_stop, "LEAST_PICTURES", 2)
    monkeypatch.setattr(early_stop, "spent", lambda share, alpha=0.01: share)
    monkeypatch.setattr(early_stop, "_p", lambda gaps, _: 0.0 if gaps.mean() < 0 else 1.0)
    whole = in_full(asked(), folder, "whole")
    perfect = [row | {"correct": 3.0} for row in whole]  # more than any answer can have
    screening.screen(asked(), "11", perfect, out := folder("out"), folder("work"))
    found = Screened.model_validate_json((out / SCREEN).read_bytes())
    assert found.stopped and found.asked < len(whole)
