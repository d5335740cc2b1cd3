"""The commands as a user gives them, against a server: what is printed, and the status."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_kfp import FakeKfp
from kfp_schedules import DAILY, HEAD, WEEKLY, named

COMMAND = Path(sys.executable).parent / "shallowsight"
TOKEN = "opaque-hidden-token"


@pytest.fixture
def kfp() -> Iterator[FakeKfp]:
    with FakeKfp(token=TOKEN) as server:
        yield server


@pytest.fixture
def run(kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Status, standard output and standard error of a command in this process."""
    from shallowsight.cli import app as cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", kfp.url)
    monkeypatch.setenv("SHALLOWSIGHT_KFP_TOKEN", TOKEN)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shallowsight", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capfd.readouterr()
        assert TOKEN not in out + err
        return int(stop.value.code or 0), out, err

    return call


def test_a_schedule_from_its_first_diff_to_its_end(run, kfp: FakeKfp) -> None:  # type: ignore[no-untyped-def]
    Path("schedules.yaml").write_text(HEAD + WEEKLY)
    assert run("schedule", "diff", "schedules.yaml") == (5, "create  shallowsight.default.weekly\n", "")
    assert run("schedule", "apply", "schedules.yaml", "--dry-run")[:2] == (0, "create  shallowsight.default.weekly\n")
    assert kfp.changes == []
    status, out, err = run("schedule", "apply", "schedules.yaml")
    assert (status, out.splitlines()[-1], err) == (0, "shallowsight.default.weekly: create done", "")
    assert run("schedule", "diff", "schedules.yaml") == (0, "same    shallowsight.default.weekly\n", "")
    (weekly,) = named(kfp, "weekly")
    status, out, err = run("schedule", "list", "schedules.yaml")
    assert out.split() == ["shallowsight.default.weekly", *"0 0 2 * * 1".split(), "enabled", weekly["recurring_run_id"]]
    Path("schedules.yaml").write_text(HEAD + WEEKLY.replace("0 2", "0 3"))
    status, out, err = run("schedule", "diff", "schedules.yaml")
    assert (status, "        cron: '0 0 2 * * 1' -> '0 0 3 * * 1'" in out.splitlines()) == (5, True)
    assert run("schedule", "delete", "schedules.yaml", "--dry-run")[0] == 0
    assert len(named(kfp, "weekly")) == 1
    assert run("schedule", "delete", "schedules.yaml")[1].splitlines()[-1] == "shallowsight.default.weekly: delete done"
    assert kfp.recurring == []
    assert run("schedule", "list", "schedules.yaml") == (0, "nothing\n", "")


def test_one_that_the_file_no_longer_names_is_no_difference_until_pruned(run, kfp: FakeKfp) -> None:  # type: ignore[no-untyped-def]
    Path("schedules.yaml").write_text(HEAD + WEEKLY + DAILY)
    run("schedule", "apply", "schedules.yaml")
    Path("schedules.yaml").write_text(HEAD + WEEKLY)
    status, out, _ = run("schedule", "diff", "schedules.yaml")
    assert (status, "not in the file; --prune deletes it" in out) == (0, True)
    status, out, _ = run("schedule", "diff", "schedules.yaml", "--prune")
    assert (status, "delete  shallowsight.default.daily" in out) == (5, True)


def test_the_file_names_host_and_namespace(run, kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT")
    Path("schedules.yaml").write_text(f"host: '{kfp.url}'\nnamespace: team\n{HEAD}{WEEKLY}")
    assert run("schedule", "list", "schedules.yaml")[0] == 0
    assert all("namespace=team" in path for _, path in kfp.requests)


def test_a_wrong_file_is_refused_before_the_server_is_asked(run, kfp: FakeKfp) -> None:  # type: ignore[no-untyped-def]
    Path("schedules.yaml").write_text(HEAD + WEEKLY.replace("0 2 * * 1", "0 2"))
    status, out, err = run("schedule", "apply", "schedules.yaml")
    assert (status, out, kfp.requests) == (2, "", [])
    assert err.startswith("shallowsight: schedules.yaml:4: schedules.0.cron: cron '0 2' has 2 fields")
    Path("schedules.yaml").write_text(HEAD + WEEKLY.replace("3,6:concat", "13"))
    status, out, err = run("schedule", "diff", "schedules.yaml")
    assert (status, out, kfp.changes) == (2, "", [])
    assert "schedule weekly: " in err
    assert "layers 1 to 12" in err


def test_submit_status_and_wait(run, kfp: FakeKfp) -> None:  # type: ignore[no-untyped-def]
    status, out, err = run("submit", "quick", "--store", "s3://bucket/x", "--set", "seeds=3", "--gpus", "8")
    assert (status, err) == (0, "")
    (made,) = kfp.things["runs"].values()
    assert made["runtime_config"]["parameters"]["overrides"] == ["seeds=3"]
    assert out.splitlines() == [
        f"run: {made['run_id']}",
        f"page: {kfp.url}/#/runs/details/{made['run_id']}",
        "report, when it has ended: shallowsight fetch s3://bucket/x --out report",
    ]
    made["state"] = "RUNNING"
    assert run("status", made["run_id"]) == (0, f"{made['display_name']}: running\n", "")
    made["state"] = "FAILED"
    status, out, err = run("status", made["run_id"])
    assert (status, out) == (1, f"{made['display_name']}: failed\n")
    assert err.startswith(f"shallowsight: run {made['run_id']} ended as failed")
    status, out, err = run("status", "nothing")
    assert (status, out) == (2, "")
    assert "reading the run 'nothing': not found" in err


def test_wait_ends_as_the_run_ends(run, kfp: FakeKfp) -> None:  # type: ignore[no-untyped-def]
    ends = {"state": "FAILED", "error": {"message": "no space"}}

    def end() -> None:
        for each in kfp.things["runs"].values():
            each.update(ends)

    kfp.after = end
    status, out, err = run("submit", "quick", "--store", "s3://b/y", "--wait")
    assert (status, out.splitlines()[-1]) == (1, "failed: the run: no space")
    assert "ended as failed" in err
    ends = {"state": "SUCCEEDED", "error": None}
    assert run("submit", "quick", "--store", "s3://b/y", "--pipeline", "train_and_evaluate", "--wait")[0] == 0


def test_a_wrong_token_is_status_2_and_one_line(run, kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("SHALLOWSIGHT_KFP_TOKEN", "wrong-and-hidden")
    status, out, err = run("status", "r")
    assert (status, out) == (2, "")
    assert "the token is wrong or has expired" in err
    assert "hidden" not in err
    assert err.count("\n") == 1


def test_fetch(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "study" / "report").mkdir(parents=True)
    (tmp_path / "study" / "report" / "report.html").write_text("<p>")
    status, out, _ = run("fetch", (tmp_path / "study").as_uri(), "--out", "here")
    assert (status, out) == (0, f"report: {tmp_path / 'here' / 'report.html'}\n")


@pytest.mark.slow
def test_nothing_else_is_printed(kfp: FakeKfp, tmp_path: Path) -> None:
    """In a process of its own, where kfp would warn when it is imported."""
    done = subprocess.run(
        [COMMAND, "submit", "quick", "--store", "s3://b/x"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "KF_PIPELINES_ENDPOINT": kfp.url, "SHALLOWSIGHT_KFP_TOKEN": TOKEN, "HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    assert list(tmp_path.iterdir()) == []
