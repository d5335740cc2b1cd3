"""The door to kfp: what it refuses, and that a pipeline ends with whoever started it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from shallowsight.cluster.kubeflow import pipelines
from shallowsight.errors import ConfigurationError, MissingPackage


@pytest.mark.parametrize("text", ["python3/x", "a={{$}}", "data.images=python3.11"])
def test_texts_that_kfp_would_rewrite_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="rewrites the text"):
        pipelines.require_unchanged("fine", text)


def test_other_texts_pass() -> None:
    pipelines.require_unchanged("a b", "pytho\u00f13", "{{x}}", '"', "")


@pytest.mark.parametrize("name", pipelines.NAMES)
def test_compiled_is_in_the_package(name: str) -> None:
    assert pipelines.compiled(name).startswith("# PIPELINE DEFINITION")


@pytest.mark.parametrize("name", pipelines.NAMES)
def test_a_local_run_tries_once_and_has_an_id_of_ours(name: str) -> None:
    text = pipelines.compiled(name)
    once = pipelines._for_here(text, "c0ffee")
    assert "retryPolicy" in text and "retryPolicy" not in once

    def without(value: object) -> object:
        if isinstance(value, dict):
            return {key: without(each) for key, each in value.items() if key != "retryPolicy"}
        return [without(each) for each in value] if isinstance(value, list) else value

    assert list(yaml.safe_load_all(once)) == [
        without(document) for document in yaml.safe_load_all(text.replace("{{$.pipeline_job_uuid}}", "c0ffee"))
    ]
    assert "{{$.pipeline_job_uuid}}" in text


def test_missing_kfp_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[pipelines\]"):
        pipelines.run_compiled("layer_study", tmp_path, "", {})


def _watching(seconds: float, *, own_group: bool) -> "subprocess.Popen[bytes]":
    code = (
        "import subprocess, sys, time; from shallowsight.cluster.kubeflow import pipelines\n"
        "pipelines._end_with_the_caller()\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"print(child.pid, flush=True); time.sleep({seconds})\n"
        "child.kill()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=own_group
    )


def test_pipeline_and_its_steps_end_when_the_caller_is_gone() -> None:
    process = _watching(60, own_group=True)
    assert process.stdin is not None
    assert process.stdout is not None
    step = Path("/proc", process.stdout.readline().decode().strip())
    assert step.exists()
    process.stdin.close()
    assert process.wait(5) == -9
    end = time.monotonic() + 5
    while step.exists() and step.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.02)


def test_pipeline_that_ends_by_itself_is_left_alone() -> None:
    process = _watching(0.2, own_group=True)
    assert process.wait(10) == 0


def test_a_group_that_is_not_its_own_is_never_killed() -> None:
    process = _watching(0.5, own_group=False)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
