"""A real Prometheus scrapes real tiny trainings."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from prometheus_server import Prometheus, page, promtool, running_prometheus, sampled, until

from shallowsight.errors import Interrupted, LossNotFinite
from shallowsight.observe.metrics import names
from shallowsight.observe.metrics.exposition import PORT, Endpoint
from shallowsight.observe.metrics.linger import LINGER
from shallowsight.observe.metrics.names import NODE_GAUGES, PREFIX
from shallowsight.observe.metrics.training import TrainingMetrics
from shallowsight.train.launch import launch
from shallowsight.train.process_task import ProcessTask

pytestmark = pytest.mark.slow


LABELS = {"study": "demo", "cell": "c" * 16, "stage": "finetune"}
ENDLESS = 100_000  # updates
Make = Callable[..., ProcessTask]


@pytest.fixture
def endpoint() -> int:
    return free_port()


@pytest.fixture
def prometheus(endpoint: int, tmp_path: Path) -> Iterator[Prometheus]:
    (folder := tmp_path / "prometheus").mkdir()
    config = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "scrape_configs": [{"job_name": "training", "static_configs": [{"targets": [f"127.0.0.1:{endpoint}"]}]}],
    }
    with running_prometheus(folder, config) as server:
        yield server


@pytest.fixture
def job(make_job: Make, tmp_path: Path) -> Make:
    def make(node: str = "node", **changes: Any) -> ProcessTask:
        folder = tmp_path / node
        (folder / "work").mkdir(parents=True)
        (folder / "out").mkdir()
        places = {"work": folder / "work", "out": folder / "out", "states": f"file://{tmp_path}/states"}
        labels = {"study": LABELS["study"], "cell": LABELS["cell"], "save_seconds": 0.5}
        return make_job("finetune", **changes).model_copy(update=places | labels)

    return make


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Trainings as pods start them; their logs are in `log` beside `job.work`, by rank."""
    with ExitStack() as ending:

        def begin(job: ProcessTask, **environment: str) -> "subprocess.Popen[bytes]":
            folder = job.work.parent
            (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
            log = ending.enter_context((folder / f"log{environment.get('RANK', '')}").open("ab"))
            process = subprocess.Popen(
                [sys.executable, "-m", "shallowsight.train", str(folder / "job.json")],
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            ending.callback(process.wait)
            ending.callback(process.kill)
            return process

        yield begin


def documented_queries() -> dict[str, str]:
    """What it is -> PromQL, of the page on the names."""
    assert names.__doc__ is not None
    found: dict[str, str] = {}
    for line in re.findall(r"^    (\S.*|  +.*)$", names.__doc__, re.MULTILINE):
        what, _, query = line.partition("  ") if not line.startswith(" ") else (list(found)[-1], "", line)
        found[what] = f"{found.get(what, '')} {query.strip()}".strip()
    return {what: query.replace("..._", PREFIX) for what, query in found.items()}


def test_a_training_is_scraped_and_goes_on_after_a_stop(
    prometheus: Prometheus, job: Make, start: Callable[..., "subprocess.Popen[bytes]"], endpoint: int
) -> None:
    endless = job(finetune__updates=ENDLESS)
    training = start(endless, **{PORT: str(endpoint)})
    until(lambda: prometheus.value(f"{PREFIX}updates_total > 10"), "ten updates")
    until(lambda: prometheus.value(f"{PREFIX}saved_update"), "a state")
    (series,) = prometheus.ask(f"{PREFIX}loss_nats")
    assert 0 < float(series["value"][1]) < 20
    assert LABELS.items() <= series["metric"].items() and series["metric"]["node"] == socket.gethostname()

    # Every query of the page on the names, answered.
    queries = documented_queries()
    assert len(queries) == 10
    paces = ("tokens per second", "samples per second", "updates per second", "share done")
    for what in paces:
        until(lambda query=queries[what]: prometheus.ask(query), what, 10)  # type: ignore[misc]
    pace = {what: prometheus.value(queries[what]) or 0.0 for what in paces}
    assert pace["samples per second"] == pytest.approx(4 * pace["updates per second"], rel=0.2)
    assert pace["tokens per second"] > 6 * pace["samples per second"]
    assert 0 < pace["share done"] < 1
    waiting = prometheus.value(queries["waiting for data"])
    assert waiting is not None and 0 < waiting < 1
    for nothing in ("MFU with pauses", "no progress", "checkpoint too old", "checkpoints fail", "failed, and why"):
        assert prometheus.ask(queries[nothing]) == []
    # The alerts do look: with other limits they find it.
    for alert in ("no progress", "checkpoint too old"):
        assert len(prometheus.ask(re.sub(r"> \d+", "> -1", queries[alert]))) == 1
    assert promtool(page(endpoint)) == ""

    training.send_signal(signal.SIGTERM)
    assert training.wait(timeout=60) == Interrupted.exit_status
    assert page(endpoint) == ""
    before = prometheus.value(f"max_over_time({PREFIX}updates_total[10m])")
    assert before is not None
    again = start(endless, **{PORT: str(endpoint)})
    first = until(lambda: sampled(page(endpoint)).get("updates_total"), "an update after the stop")
    assert first > before
    until(lambda: (prometheus.value(f"{PREFIX}updates_total") or 0) > first, "more updates after the stop")
    assert prometheus.value(f"resets({PREFIX}updates_total[10m])") == 0
    assert prometheus.value(f"resets({PREFIX}tokens_total[10m])") == 1
    again.send_signal(signal.SIGTERM)
    assert again.wait(timeout=60) == Interrupted.exit_status


def test_why_a_training_failed_is_scraped(
    prometheus: Prometheus, job: Make, start: Callable[..., "subprocess.Popen[bytes]"], endpoint: int
) -> None:
    diverging = job(finetune__learning_rate=1e30, finetune__updates=50, finetune__warmup=0.0)
    training = start(diverging, **{PORT: str(endpoint), LINGER: "300"})
    (series,) = until(lambda: prometheus.ask(documented_queries()["failed, and why"]), "the failure")
    assert series["metric"] == LABELS | {"reason": "loss_not_finite"}
    assert prometheus.value(f"{PREFIX}running") == 0
    assert "not finite" in (diverging.work.parent / "log").read_text(), "said before it stays for the scrape"
    assert training.poll() is None
    training.send_signal(signal.SIGTERM)
    assert training.wait(timeout=30) == LossNotFinite.exit_status


def test_a_port_that_is_taken_does_not_stop_a_training(
    job: Make, start: Callable[..., "subprocess.Popen[bytes]"], endpoint: int
) -> None:
    short = job()
    with socket.socket() as other:
        other.bind(("127.0.0.1", endpoint))
        other.listen()
        assert start(short, **{PORT: str(endpoint)}).wait(timeout=120) == 0
    said = (short.work.parent / "log").read_text()
    assert said.count(f"metrics are not served at 127.0.0.1:{endpoint} yet (") == 1
    assert (short.out / "losses.jsonl").exists()


def test_one_process_of_every_node_serves(job: Make, start: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    """Two processes on a first node, one on a second."""
    first, second = (job(node, finetune__updates=ENDLESS, finetune__global_batch=6) for node in ("first", "second"))
    ports = [free_port(), free_port()]
    group = {"WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    places = [(first, "0", ports[0]), (first, "1", ports[0]), (second, "0", ports[1])]
    trainings = [
        start(node, **group, RANK=str(rank), LOCAL_RANK=local, **{PORT: str(port)})
        for rank, (node, local, port) in enumerate(places)
    ]
    leader = until(lambda: (s := sampled(page(ports[0]))).get("saved_update") and s, "a state", 120)
    other = until(lambda: (s := sampled(page(ports[1]))).get("last_update_timestamp_seconds") and s, "the other node")
    assert leader["samples_total"] == 6 * leader["updates_total"]
    assert set(other) == set(NODE_GAUGES) - {"peak_device_memory_bytes"} < set(leader)
    for training in trainings:
        training.send_signal(signal.SIGTERM)
    assert [training.wait(timeout=60) for training in trainings] == [Interrupted.exit_status] * 3
    served = [(node.work.parent / f"log{rank}").read_text() for rank, (node, _, _) in enumerate(places)]
    assert ["metrics" in log for log in served] == [True, False, True]


def test_the_launcher_serves_for_its_processes(
    job: Make, endpoint: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv(PORT, str(endpoint))
    pages: list[str] = []
    made, textfile = job(finetune__updates=60).model_copy(update={"save_seconds": 0.01}), tmp_path / "c.prom"
    where = Endpoint.from_environment()
    with TrainingMetrics(**LABELS, textfile=textfile, endpoint=where) as metrics:

        def on_update(*args: Any) -> None:
            metrics.update_done(*args)
            pages.append(page(endpoint))

        launch(made, 2, on_update, metrics.state_kept)
    assert [sampled(text)["updates_total"] for text in pages] == list(range(1, 61))
    assert caplog.text.count("metrics: http://") == 1 and "not served" not in caplog.text  # nobody else tried
    found = sampled(textfile.read_text())
    assert found["updates_total"] == 60 and 0 < found["saved_update"] < 60
    assert promtool(textfile.read_text()) == ""


def test_the_textfiles_of_a_study(quick: Path) -> None:
    files = sorted((quick / "metrics").glob("*"))
    assert {file.suffix for file in files} == {".prom"} and len(files) == 4
    for file in files:
        assert promtool(file.read_text()) == ""
        found = sampled(file.read_text())
        assert found["updates_total"] == found["planned_updates"]
        assert found["running"] == 0 and found["operations_total"] > 0
