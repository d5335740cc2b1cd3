"""Whether evaluations are tracked: off unless asked for, refused where it cannot be meant."""

import importlib.util
import subprocess
import sys

import pytest

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.observe.tracking import sender
from shallowsight.observe.tracking.settings import PROJECT, SAMPLES, Tracking, tracking


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PROJECT, SAMPLES, "WEAVE_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("text", [None, ""])
def test_off_unless_a_project_is_named(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if text is not None:
        monkeypatch.setenv(PROJECT, text)
    monkeypatch.setenv(SAMPLES, "5")
    monkeypatch.setattr(sender, "_run", lambda *asked: pytest.fail("a process was started"))
    assert tracking() is None
    assert sender.require_tracking() is None


@pytest.mark.parametrize("project", ["team/layers", "layers", "my-team/Layer study 2.0"])
@pytest.mark.parametrize(("text", "samples"), [(None, 0), ("", 0), ("0", 0), ("20", 20), ("1000", 1000)])
def test_a_project_switches_tracking_on(
    project: str, text: str | None, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROJECT, project)
    if text is not None:
        monkeypatch.setenv(SAMPLES, text)
    assert tracking() == Tracking(project, samples)


@pytest.mark.parametrize(
    "project",
    ["/", "team/", "/layers", "a/b/c", " ", "team/ layers", "team/lay\ners", "a#b", "https://wandb.ai/team", "x" * 129],
)
def test_a_project_that_is_no_name_is_refused(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROJECT, project)
    with pytest.raises(ConfigurationError, match="write ENTITY/PROJECT or PROJECT"):
        tracking()


@pytest.mark.parametrize("text", ["-1", "1.5", "all", "1001", "²"])
def test_samples_that_are_no_number_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROJECT, "layers")
    monkeypatch.setenv(SAMPLES, text)
    with pytest.raises(ConfigurationError, match="whole number from 0 to 1000"):
        tracking()


def test_weave_switched_off_and_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROJECT, "layers")
    monkeypatch.setenv("WEAVE_DISABLED", "True")
    with pytest.raises(ConfigurationError, match="unset one of them"):
        tracking()
    monkeypatch.setenv("WEAVE_DISABLED", "false")
    assert tracking() is not None


def test_weave_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROJECT, "layers")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"'weave'.*shallowsight\[tracking\]"):
        sender.require_tracking()


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys, shallowsight.cli.track, shallowsight.steps.tracking as step\n"
        "step.require_tracking()\n"
        "print([m for m in ('weave', 'torch', 'wandb', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
