"""A weave server that refuses, dies or hangs: the study's results stand, and what was not sent is said."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import weave_stub
from evaluated_study import cells_of, evaluated
from tracked import KEY, NAMED, looked_up, needs_weave, server_for_weave
from weave_stub import WeaveStub

from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.observe.tracking import sender
from shallowsight.observe.tracking.settings import PROJECT
from shallowsight.steps.tracking import require_tracking, track_setting, track_study
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

pytestmark = [pytest.mark.slow, needs_weave]

NAMES = "quick 3 seed 0, quick 3 seed 1"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Resolved, Store]:
    store = Store(tmp_path_factory.mktemp("tracked") / "study")
    return evaluated(store, without="3,7:concat"), store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WeaveStub]:
    """That the environment names, with a row of each evaluation asked for."""
    with server_for_weave(tmp_path, samples=1) as (server, _):
        yield server


def track(study: tuple[Resolved, Store]) -> None:
    resolved, store = study
    track_setting(resolved, Setting.parse("3"), cells_of(resolved, "3", store), store)


def warning(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [r for r in caplog.records if r.name == "shallowsight.steps.tracking"]
    assert record.levelno == logging.WARNING
    return record.getMessage()


def test_a_setting_is_sent_when_it_is_evaluated(
    study: tuple[Resolved, Store], server: WeaveStub, caplog: pytest.LogCaptureFixture
) -> None:
    track(study)
    assert caplog.records == []
    whole = server.named("Evaluation.evaluate")
    assert sorted(call["display_name"] for call in whole) == NAMES.split(", ")
    assert all(call["output"] for call in whole)
    # The command sends the same: it finds nothing to do.
    assert track_study(study[1]).sent == ()


def test_a_project_alone_is_one_of_the_keys_own(
    study: tuple[Resolved, Store], server: WeaveStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PROJECT, "probe")
    track(study)
    assert caplog.records == []
    assert {call["project_id"] for call in server.named("Evaluation.evaluate")} == {"team/probe"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/server_info", 401, id="wrong key"),
        pytest.param("/obj/create", 403, id="no right to write"),
        pytest.param("calls/complete", 403, id="rows refused"),
        pytest.param("/graphql", 403, id="no such project"),
        pytest.param("/calls/stream_query", 500, id="cannot be asked"),
        pytest.param("/table/create", 500, id="table refused"),
        pytest.param("call/end", 500, id="end refused"),
    ],
)
def test_a_refusal_is_a_warning(
    path: str,
    status: int,
    study: tuple[Resolved, Store],
    server: WeaveStub,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.rule = lambda asked: (status, f"on purpose for {KEY}") if asked.endswith(path) else None
    track(study)
    said = warning(caplog)
    for words in (
        NAMED,
        NAMES,
        str(status),
        "The results are in the store",
        f"shallowsight track --out {study[1].root}",
    ):
        assert words in said
    assert KEY not in said
    assert looked_up(tmp_path) == {"127.0.0.1"}  # weave's makers are told nothing
    # Nothing there looks whole: the command will send it again.
    assert not [call for call in server.named("Evaluation.evaluate") if call.get("output")]


def test_a_failure_names_only_what_is_missing(
    study: tuple[Resolved, Store], server: WeaveStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender, "_AT_ONCE", 1)

    def refuse_the_second(asked: str) -> tuple[int, str] | None:
        return (403, "on purpose") if any(call.get("output") for call in server.named("Evaluation.evaluate")) else None

    server.rule = refuse_the_second
    track(study)
    assert f"{NAMED} did not accept all of: quick 3 seed 1 (" in warning(caplog)
    (whole,) = [call for call in server.named("Evaluation.evaluate") if call.get("output")]
    assert whole["display_name"] == "quick 3 seed 0"


def test_the_display_is_told(
    study: tuple[Resolved, Store], server: WeaveStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHALLOWSIGHT_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setenv(PROJECT, "not/a/project")
    track(study)
    assert "setting 3 was not sent to weave; `shallowsight track --out" in (tmp_path / "progress.jsonl").read_text()
    assert server.requests == []


def test_a_server_that_is_of_another_age_is_a_warning(
    study: tuple[Resolved, Store],
    server: WeaveStub,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = {"min_required_weave_python_version": "99.0.0", "trace_server_version": "99.0.0"}
    monkeypatch.setattr(weave_stub, "_NEWEST", old)
    track(study)
    assert "requires a `weave` package version >= 99.0.0" in warning(caplog)
    assert server.calls == {}


def test_a_server_that_is_gone_is_a_warning(
    study: tuple[Resolved, Store], server: WeaveStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("WANDB_BASE_URL", gone)
    monkeypatch.setenv("WF_TRACE_SERVER_URL", gone)
    track(study)
    assert "Weave is not available on the server" in warning(caplog)
    with pytest.raises(ShallowsightError, match="did not accept all of: quick 3 seed 0"):
        track_study(study[1])


def test_a_server_that_never_answers_does_not_hold_the_study(
    study: tuple[Resolved, Store], server: WeaveStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender, "_SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WF_TRACE_SERVER_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        track(study)
    assert "did not end within 3 seconds" in warning(caplog)


def test_without_a_project_nothing_is_sent(
    study: tuple[Resolved, Store], server: WeaveStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(PROJECT)
    monkeypatch.setattr(sender, "_run", lambda *asked: pytest.fail("a process was started"))
    track(study)
    assert caplog.records == []


def test_without_a_key_it_is_refused_at_once(server: WeaveStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    with pytest.raises(ConfigurationError, match=f"{PROJECT}={NAMED}: weave finds no key; set WANDB_API_KEY"):
        require_tracking()
    assert server.requests == []


def test_two_logins_are_one_too_many(server: WeaveStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token")
    with pytest.raises(ConfigurationError, match="Both WANDB_API_KEY and WANDB_IDENTITY_TOKEN_FILE"):
        require_tracking()


def test_another_login_that_weave_reads_will_do(server: WeaveStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    netrc = Path(os.environ["HOME"]) / ".netrc"
    netrc.write_text(f"machine {server.url.removeprefix('http://')}\nlogin user\npassword {KEY}\n")
    netrc.chmod(0o600)
    to = require_tracking()
    assert to is not None
    assert to.project == NAMED
    assert server.requests == []
