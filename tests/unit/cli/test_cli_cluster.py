"""The commands for a cluster: wrong usage is one line, and no server is asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from shallowsight.cli import app as cli

WRONG = [
    pytest.param(["submit", "demo"], ["--store"], id="no store"),
    pytest.param(["submit", "demoo", "--store", "s3://b/x"], ["did you mean 'demo'"], id="unknown study"),
    pytest.param(["submit", "demo", "--store", "/disk"], ["--store '/disk': a cluster needs s3://"], id="folder"),
    pytest.param(["submit", "demo", "--store", "s3://b", "--gpus", "-1"], ["--gpus"], id="negative gpus"),
    pytest.param(
        ["submit", "demo", "--store", "s3://b", "--gpus", "3"], ["does not divide among 3"], id="gpus and batch"
    ),
    pytest.param(
        ["submit", "demo", "--store", "s3://b", "--pipeline", "x"],
        ["no pipeline 'x'; choose from layer_study"],
        id="pipeline",
    ),
    pytest.param(["submit", "demo", "--store", "s3://b", "--set", "settings=13"], ["layers 1 to 12"], id="layer 13"),
    pytest.param(["submit", "none.yaml", "--store", "s3://b"], ["no file 'none.yaml'"], id="no such file"),
    pytest.param(["submit", "demo", "--store", "s3://b", "--parallelism", "0"], ["--parallelism"], id="parallelism 0"),
    pytest.param(
        ["submit", "demo", "--store", "s3://b", "--pipeline", "train_and_evaluate", "--parallelism", "3"],
        ["train_and_evaluate trains one setting", "found 3"],
        id="parallelism of one setting",
    ),
    pytest.param(["status"], ["RUN_ID"], id="no run"),
    pytest.param(["status", "r", "--host", "kubeflow"], ["--host 'kubeflow': write https://"], id="host"),
    pytest.param(["status", "r", "--host", "http://h", "--context", "c"], ["give only one"], id="host and context"),
    pytest.param(["status", "r", "--token", "x"], ["No such option"], id="a token as an argument"),
    pytest.param(
        ["status", "r", "--host", "http://h", "--token-file", "none"], ["token file none: No such"], id="token"
    ),
    pytest.param(["fetch", "s3://b"], ["--out"], id="no folder"),
    pytest.param(["fetch", "http://b", "--out", "x"], ["file:///absolute/folder or s3://"], id="store to fetch from"),
    pytest.param(["schedule", "apply"], ["FILE"], id="no file"),
    pytest.param(["schedule", "apply", "none.yaml"], ["no file 'none.yaml'"], id="no such schedules"),
    pytest.param(["schedule", "run", "x.yaml"], ["run"], id="unknown command"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_wrong_usage_is_status_2_and_one_line(
    arguments: list[str],
    says: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setattr(sys, "argv", ["shallowsight", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith("shallowsight: ")
    assert err.count("\n") == 1
    for words in says:
        assert words in err


ENTRY = "version: 1\nschedules:\n  - {name: a, cron: 0 2 * * 1, study: demo, store: 's3://b/a'"


@pytest.mark.parametrize(
    ("words", "see"),
    [
        (["--nope"], "shallowsight --help"),
        (["nope"], "shallowsight --help"),
        (["study"], "shallowsight study --help"),
        (["submit", "demo", "--store", "s3://b", "--gpus", "x"], "shallowsight submit --help"),
        (["schedule", "nope"], "shallowsight schedule --help"),
        (["schedule", "apply"], "shallowsight schedule apply --help"),
        (["schedule", "diff", "x.yaml", "--prun"], "shallowsight schedule diff --help"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_usage_names_the_help_of_that_command(
    words: list[str], see: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/some/where/python -m x", *words])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err.endswith(f"(see {see})\n")


WRONG_ENTRIES = [
    pytest.param("study: demo", "study: demoo", ["schedule a: ", "did you mean 'demo'"], id="study"),
    pytest.param("'}", "', set: {vision.layer: 3}}", ["schedule a: ", "unknown key 'vision.layer'"], id="key"),
    pytest.param("'}", "', settings: ['13']}", ["schedule a: ", "layers 1 to 12"], id="layer"),
    pytest.param("'}", "', gpus: 3}", ["schedule a: ", "does not divide among 3"], id="gpus and batch"),
    pytest.param("'}", "', pipeline: nothing}", ["schedule a: no pipeline 'nothing'"], id="pipeline"),
    pytest.param("'}", "', pipeline: train_and_evaluate}", ["schedule a: ", "does not fit"], id="another pipeline"),
]


@pytest.mark.parametrize("command", ["apply", "diff"])
@pytest.mark.parametrize(("old", "new", "says"), WRONG_ENTRIES)
def test_a_wrong_entry_is_refused_without_a_server(
    command: str,
    old: str,
    new: str,
    says: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody listens at the host, and without a namespace the first thing to do there is to ask who its users are."""
    (tmp_path / "s.yaml").write_text(f"{ENTRY}}}\n".replace(old, new))
    words = ["schedule", command, str(tmp_path / "s.yaml"), "--host", "http://127.0.0.1:9"]
    monkeypatch.setattr(sys, "argv", ["shallowsight", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert all(text in err for text in says), err


def test_reading_a_file_of_schedules_loads_nothing_heavy() -> None:
    modules = (
        "cli.cluster", "cluster.schedules.values", "cluster.schedules.apply", "cluster.submission.submission",
        "cluster.submission.fetch", "cluster.submission.study",
    )  # fmt: skip
    code = (
        f"import sys, {', '.join(f'shallowsight.{name}' for name in modules)}\n"
        "print([m for m in ('kfp', 'kfp_server_api', 'kubernetes', 'torch', 'croniter') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
