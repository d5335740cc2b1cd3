"""schedules.yaml: what it may say, and refusals that name the line."""

from pathlib import Path

import pytest

from shallowsight.cluster.schedules.values import read_schedules
from shallowsight.errors import ConfigurationError

GOOD = """version: 1
namespace: team
defaults: {store: "s3://bucket/retrain/", gpus: 8}
schedules:
  - name: shallow
    cron: 0 2 * * 1
    study: demo
    settings: ["3", "3,6:concat"]
  - name: one
    cron: 0 30 2 * * 1
    experiment: demo
    set: {vision.layers: "3,8", finetune: {epochs: 1}}
    store: s3://bucket/one
    gpus: 0
    step_gpus: 2
    enabled: false
    catchup: true
    max_concurrency: 2
"""


def read(folder: Path, text: str):  # type: ignore[no-untyped-def]
    path = folder / "schedules.yaml"
    path.write_text(text)
    return read_schedules(path)


def test_values_and_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    shallow, one = found.schedules
    assert (found.name, found.namespace, found.kfp_experiment) == ("default", "team", "shallowsight")
    assert (shallow.cron, shallow.settings) == ("0 0 2 * * 1", ("3", "3,6:concat"))
    assert (shallow.enabled, shallow.catchup, shallow.max_concurrency) == (True, False, 1)
    assert (found.store_of(shallow), found.gpus_of(shallow)) == ("s3://bucket/retrain/shallow", 8)
    assert (found.store_of(one), found.gpus_of(one)) == ("s3://bucket/one", 0)
    assert (found.step_gpus_of(shallow), found.step_gpus_of(one)) == (None, 2)
    assert (found.pipeline_of(shallow), found.pipeline_of(one)) == ("retrain", "train_and_evaluate")
    assert (one.enabled, one.catchup, one.max_concurrency) == (False, True, 2)


def test_a_study_file_lies_beside_the_schedules(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD.replace("study: demo", "study: mine.yaml"))
    assert found.schedules[0].study == str(tmp_path / "mine.yaml")


def entry(lines: str) -> str:
    return f"version: 1\nschedules:\n  - name: a\n    cron: 0 2 * * 1\n{lines}"


FINE = "    study: demo\n    store: s3://b/a\n"
BAD = [
    pytest.param("", ["is empty"], id="empty"),
    pytest.param("- a\n", ["the file"], id="a list"),
    pytest.param("version: [", ["is not YAML"], id="no YAML"),
    pytest.param("version: 2\nschedules: []\n", ["schedules.yaml:1: version", "found 2"], id="version"),
    pytest.param("version: 1\nschedule: []\n", [":2: schedule: no such key; did you mean 'schedules'?"], id="top"),
    pytest.param(
        entry(FINE + "    when: now\n"), [":7: schedules.0.when: no such key; the keys are name, cron, study"], id="key"
    ),
    pytest.param(entry(FINE + "    timezone: UTC\n"), [":7:", "cronScheduleTimezone"], id="time zone"),
    pytest.param(entry(FINE).replace("0 2 * * 1", "0 2 * *"), [":4: schedules.0.cron", "4 fields"], id="cron"),
    pytest.param(entry(FINE).replace("name: a", "name: A_b"), [":3: schedules.0.name", "'A_b'"], id="name"),
    pytest.param(entry("    store: s3://b/a\n"), [":3: schedules.0: name either a study or"], id="no subject"),
    pytest.param(entry(FINE + "    experiment: demo\n"), ["either a study or an experiment"], id="two subjects"),
    pytest.param(entry("    study: demo\n"), ["schedule a: write store: s3://"], id="no store"),
    pytest.param(entry("    study: demo\n    store: /disk\n"), [":6: schedules.0.store", "'/disk'"], id="folder"),
    pytest.param(entry(FINE + "    sett: {}\n"), ["did you mean 'set'?"], id="near key"),
    pytest.param("version: 1\ndefaults: {gpu: 1}\nschedules: []\n", ["did you mean 'gpus'?"], id="key of defaults"),
    pytest.param(
        entry(FINE).replace("0 2 * * 1", "*/5 * * * *"),
        [":4: a value that begins with '*' needs quotes", 'cron: "..."'],
        id="no quotes",
    ),
    pytest.param(entry(FINE).replace("0 2 * * 1", "5"), [":4: schedules.0.cron: write a text", "found 5"], id="number"),
    pytest.param(
        entry(FINE).replace("    cron: 0 2 * * 1\n", ""), [":3: schedules.0.cron: it is missing"], id="no cron"
    ),
    pytest.param(entry(FINE + "    gpus: -1\n"), [":7: schedules.0.gpus", "found -1"], id="gpus"),
    pytest.param(entry(FINE + "    parallelism: 0\n"), [":7: schedules.0.parallelism", "found 0"], id="parallelism"),
    pytest.param(entry(FINE + "    max_concurrency: 0\n"), [":7: schedules.0.max_concurrency"], id="concurrency"),
    pytest.param(entry(FINE + "    cron: 0 3 * * 1\n"), ["'cron' is in lines 4 and 7"], id="key twice"),
    pytest.param(
        entry("    experiment: demo\n    store: s3://b/a\n    settings: ['3']\n"),
        ["only a study has settings"],
        id="settings",
    ),
    pytest.param(
        entry(FINE + "    settings: ['3']\n    set: {settings: ['4']}\n"),
        ["the settings are given twice"],
        id="settings twice",
    ),
    pytest.param(GOOD.replace("name: one", "name: shallow"), ["the name 'shallow' (lines 5 and 9)"], id="name twice"),
    pytest.param(
        GOOD.replace("s3://bucket/one", "s3://bucket/retrain/shallow"), ["the store", "(lines 5 and 13)"], id="store"
    ),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_refused_with_the_line(tmp_path: Path, text: str, says: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, text)
    for words in says:
        assert words in str(refused.value), str(refused.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, entry(FINE + "    gpus: x\n    when: now\n    pipeline: 3\n"))
    told = [text.removeprefix(f"{tmp_path}/") for text in str(refused.value).split("; ") if ":" in text]
    assert [text.split(" ")[0] for text in told] == ["schedules.yaml:7:", "schedules.yaml:8:", "schedules.yaml:9:"]
    assert told[0] == "schedules.yaml:7: schedules.0.gpus: write a whole number (found 'x')"


def test_a_store_with_a_key_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no user or password") as refused:
        read(tmp_path, entry("    study: demo\n    store: s3://key:hidden@bucket/x\n"))
    assert "hidden" not in str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no file '.*none.yaml'"):
        read_schedules(tmp_path / "none.yaml")
