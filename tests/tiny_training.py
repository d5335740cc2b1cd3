"""Tiny stages of training on the tiny data, a study of one setting, and its task."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tiny import Prepared

from shallowsight.store.stage_task import StageTask
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved, SourceFacts, TowerFacts
from shallowsight.study.study import Study

if TYPE_CHECKING:
    from shallowsight.train.process_task import ProcessTask


@pytest.fixture(scope="session")
def measured(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared folder with held-out records, those of the test and a text: of so few the data step has none."""
    from shallowsight.data.held_out import held_out_file
    from shallowsight.data.records import write_jsonl

    folder = shutil.copytree(prepared.folder, tmp_path_factory.mktemp("measured") / "prepared")
    records = json.loads((prepared.files / "test.json").read_text(encoding="utf-8"))
    talk = [{"from": "human", "value": "Say hello."}, {"from": "gpt", "value": "hello"}]
    shown = [record | {"image": f"files/{record['image']}"} for record in records]
    write_jsonl([*shown, {"id": "another text", "conversations": talk}], held_out_file(folder))
    return Path(folder)


@pytest.fixture(scope="session")
def make_job(
    measured: Path,
    facts: TowerFacts,
    cached: dict[int, Path],
    small: Callable[..., Experiment],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., "ProcessTask"]:
    """A training stage on `measured`; keywords are dotted keys of the experiment with `__` for the dot."""
    from shallowsight.train.process_task import ProcessTask

    def make(
        stage: str = "finetune", live: bool = False, start: Path | None = None, accumulation: int = 1, **changes: Any
    ) -> ProcessTask:
        experiment = small(**changes)
        return ProcessTask.model_validate(
            {
                "experiment": experiment,
                "tower": facts,
                "stage": stage,
                "data": measured,
                "feature_folders": None if live else tuple(cached[layer] for layer in experiment.vision.layers.read),
                "start": start,
                "out": tmp_path_factory.mktemp("out"),
                "work": tmp_path_factory.mktemp("work"),
                "accumulation": accumulation,
                "threads": 1,
            }
        )

    return make


def in_folder(
    make_job: Callable[..., "ProcessTask"], folder: Path, updates: int, live: bool = False, **changes: object
) -> "ProcessTask":
    """A stage in a folder of its own that saves after every update, so that kills hit saves too."""
    (folder / "out").mkdir(parents=True)
    (folder / "work").mkdir()
    settings = {"finetune__updates": updates, "finetune__global_batch": 8, "finetune__warmup": 0.1} | changes
    places = {"out": folder / "out", "work": folder / "work", "states": f"file://{folder}/states"}
    return make_job("finetune", live=live, **settings).model_copy(update={**places, "save_seconds": 1e-9})


@pytest.fixture
def resumable(make_job: Callable[..., "ProcessTask"], tmp_path: Path) -> Callable[..., "ProcessTask"]:
    """`in_folder` of a name."""

    def make(name: str, updates: int = 60, live: bool = False, **changes: object) -> "ProcessTask":
        return in_folder(make_job, tmp_path / name, updates, live, **changes)

    return make


@pytest.fixture(scope="session")
def calm(
    make_job: Callable[..., "ProcessTask"], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., "ProcessTask"]:
    """What `resumable` makes, trained by so many processes without any fault; equal calls train once."""
    from stage_runs import finish

    from shallowsight.train.stage import run_stage

    @cache
    def make(processes: int, updates: int = 60, live: bool = False, **changes: object) -> "ProcessTask":
        made = in_folder(make_job, tmp_path_factory.mktemp("calm") / "stage", updates, live, **changes)
        made = made.model_copy(update={"states": None})
        if processes == 1:
            run_stage(made, lambda *_: None)
        else:
            finish(made, processes)
        return made

    return make


@pytest.fixture
def resolved(prepared: Prepared, facts: TowerFacts) -> Resolved:
    """A study of one setting on `prepared`, whose features are not cached."""
    study = Study(name="small", base=prepared.experiment, settings=("2",), seeds=(0,))
    data = prepared.experiment.data
    sources = {
        name: SourceFacts(digest=name, train_rows=11, test_rows=4, images=14) for name in (*data.finetune, *data.test)
    }
    return Resolved(study=study, tower=facts, language_digest="scratch", sources=sources, cache_features=False)


def pretraining(resolved: Resolved) -> StageTask:
    """Of layer 2 and the first seed."""
    return StageTask(resolved=resolved, setting="2", seed=0, stage="pretrain")
