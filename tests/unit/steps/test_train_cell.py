"""The training step beside others: one writer of a cell's states, and settings of the machine."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_training import pretraining

from shallowsight.errors import ConfigurationError, Interrupted, LeaseHeld, LossNotFinite, ShallowsightError
from shallowsight.model.threads import THREADS
from shallowsight.observe.metrics.exposition import PORT
from shallowsight.observe.metrics.linger import LINGER
from shallowsight.steps.train_cell import lend_processes, train_cell
from shallowsight.store.cells import prepare_cell, stage_cell
from shallowsight.store.claim import own_claim
from shallowsight.store.lease import lease
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import CELL, Store
from shallowsight.store.training_states import SAVE_SECONDS, STATES
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting
from shallowsight.train.process_task import ProcessTask

SETTING = Setting.parse("2")


@pytest.fixture
def store(resolved: Resolved, prepared: Any, tmp_path: Path) -> Callable[..., Store]:
    """One machine's store, with the data of a study in it."""

    def make(name: str, study: Resolved = resolved) -> Store:
        made = Store(tmp_path / name)

        def copy(out: Path) -> None:
            for path in prepared.folder.iterdir():
                os.symlink(path, out / path.name, target_is_directory=path.is_dir())

        made.build(prepare_cell(study), copy)
        return made

    return make


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"file://{tmp_path}/shared"
    monkeypatch.setenv(STATES, url)
    return url


def key(resolved: Resolved) -> str:
    return f"training_state/{stage_cell(resolved, SETTING, 0, 'pretrain').digest}"


def test_another_machine_at_the_same_cell_is_refused(
    resolved: Resolved, store: Callable[[str], Store], shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as little_patience:
        little_patience.setattr("shallowsight.steps.train_cell._LEASE", 0.2)
        with lease(open_objects(shared), f"{key(resolved)}/lease", "the first machine"):
            with pytest.raises(LeaseHeld, match="the first machine"):
                train_cell(pretraining(resolved), store("second"), 1)
    folder = train_cell(pretraining(resolved), store("third"), 1)
    assert (folder / "connector.safetensors").exists()


def test_metrics_say_how_many_records_are_cut(resolved: Resolved, store: Callable[..., Store]) -> None:
    raw = resolved.model_dump(mode="json")
    raw["study"]["base"]["language"]["max_length"] = 10
    raw["study"]["base"]["data"]["max_bad_share"] = 1.0
    changed = Resolved.model_validate(raw)
    here = store("one", changed)
    folder = train_cell(pretraining(changed), here, 1)
    shortened = json.loads((folder / "shortened.json").read_text())
    assert len(shortened["cut"]) > 0
    written = (here.root / "metrics" / f"{folder.name}.prom").read_text()
    for name, count in (("cut", len(shortened["cut"])), ("left_out", len(shortened["left_out"]))):
        assert re.search(rf"^shallowsight_train_{name}_records\{{.*\}} {count}\.0$", written, re.MULTILINE)


def test_nothing_is_kept_of_a_stage_that_is_done(
    resolved: Resolved, store: Callable[[str], Store], shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SAVE_SECONDS, "0.000001")
    seen: list[int] = []
    monkeypatch.setattr(
        "shallowsight.observe.metrics.training.TrainingMetrics.state_kept",
        lambda self, update, saved: seen.append(update),
    )
    train_cell(pretraining(resolved), store("one"), 1)
    assert seen == [1, 2, 3]
    assert open_objects(shared).keys() == [f"{key(resolved)}/lease"]


def test_a_cell_that_is_whole_touches_nobodys_states(
    resolved: Resolved, store: Callable[[str], Store], shared: str
) -> None:
    here = store("one")
    train_cell(pretraining(resolved), here, 1)
    objects = open_objects(shared)
    objects.put_bytes(f"{key(resolved)}/update-00000001/manifest.json", b"another machine's")
    with lease(objects, f"{key(resolved)}/lease", "another machine") as other:
        train_cell(pretraining(resolved), here, 1)
        assert not other.lost.is_set()
    assert len(objects.keys(f"{key(resolved)}/update-")) == 1


@pytest.mark.slow
def test_a_holder_that_died_on_another_machine_is_outwaited(
    resolved: Resolved, store: Callable[[str], Store], shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shallowsight.steps.train_cell._LEASE", 1.0)
    left = own_claim("a machine that lost its power", 1.0, "unique").model_copy(update={"processes": "elsewhere"})
    open_objects(shared).put_bytes(f"{key(resolved)}/lease", left.encoded())
    assert train_cell(pretraining(resolved), store("one"), 1).is_dir()


def test_a_lease_that_is_lost_ends_the_training(
    resolved: Resolved, store: Callable[[str], Store], shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shallowsight.store.lease import Lease

    monkeypatch.setattr(Lease, "_watch", lambda self: self.lost.set())
    with pytest.raises(LeaseHeld, match="another machine has taken over this training"):
        train_cell(pretraining(resolved), store("one"), 1)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_record_says_how_it_was_computed(
    resolved: Resolved, store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch, threads: str
) -> None:
    import torch

    monkeypatch.setenv(THREADS, threads)
    here = store("one")
    folder = train_cell(pretraining(resolved), here, 1)
    record = here.record(folder.name)
    assert record is not None and sorted(record.outputs) == sorted(p.name for p in folder.iterdir() if p.name != CELL)
    (computed,) = record.computed
    assert (computed.processes, computed.threads, computed.passes) == (1, int(threads), 1)
    assert computed.instruction_set == torch.backends.cpu.get_cpu_capability()
    assert record.packages["torch"] == torch.__version__


def test_threads_are_a_number(
    resolved: Resolved, store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREADS, "all")
    for make in (
        lambda: train_cell(pretraining(resolved), store("one"), 1),
        lambda: lend_processes(pretraining(resolved), store("two")),
    ):
        with pytest.raises(ConfigurationError, match="SHALLOWSIGHT_THREADS='all': write with how many threads"):
            make()


@pytest.mark.parametrize("text", ["soon", "0", "-1", "", "nan", "inf"])
def test_seconds_between_states_are_a_number(
    resolved: Resolved, store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(SAVE_SECONDS, text)
    with pytest.raises(ConfigurationError, match=f"{SAVE_SECONDS}='{text}': write the seconds"):
        train_cell(pretraining(resolved), store("one"), 1)


def test_where_states_are_kept_must_be_a_store(
    resolved: Resolved, store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch, small: Callable[..., Experiment]
) -> None:
    monkeypatch.setenv(STATES, "ftp://there")
    with pytest.raises(ConfigurationError, match="ftp://there"):
        train_cell(pretraining(resolved), store("one"), 1)


@pytest.mark.parametrize(
    ("error", "port", "stayed"),
    [
        pytest.param(LossNotFinite("nan"), "9464", [45.0], id="the first node tells why"),
        pytest.param(ShallowsightError("a peer is gone"), "9464", [60.0], id="after one that knows why"),
        pytest.param(Interrupted("stopped"), "9464", [0.0], id="a stop"),
        pytest.param(LossNotFinite("nan"), "0", [], id="no metrics"),
    ],
)
def test_a_node_that_lends_stays_while_the_first_tells_why(
    resolved: Resolved,
    store: Callable[[str], Store],
    monkeypatch: pytest.MonkeyPatch,
    error: ShallowsightError,
    port: str,
    stayed: list[float],
) -> None:
    def fail(job: ProcessTask) -> None:
        raise error

    seen: list[float] = []
    monkeypatch.setattr("shallowsight.train.launch.lend", fail)
    monkeypatch.setattr("shallowsight.observe.metrics.linger.linger", seen.append)
    monkeypatch.setenv(PORT, port)
    monkeypatch.setenv(LINGER, "45")
    told: list[ShallowsightError] = []

    def tell(found: ShallowsightError) -> None:
        assert seen == [], "before it stays"
        told.append(found)

    with pytest.raises(type(error)):
        lend_processes(pretraining(resolved), store("one"), on_failure=tell)
    assert seen == stayed and told == [error]


def test_all_nodes_have_the_passes_that_they_are_told(
    resolved: Resolved, store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int | None] = []

    def look(job: ProcessTask, *_: Any) -> None:
        seen.append(job.accumulation)
        if job.out.parent.name == "cells":
            (job.out / "connector.safetensors").write_bytes(b"x")

    monkeypatch.setattr("shallowsight.train.launch.launch", look)
    monkeypatch.setattr("shallowsight.train.launch.lend", look)
    here = store("one")
    train_cell(pretraining(resolved), here, None, accumulation=2)
    lend_processes(pretraining(resolved), here, accumulation=2)
    assert seen == [2, 2]
