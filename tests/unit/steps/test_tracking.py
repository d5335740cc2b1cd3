"""What a setting's evaluations say of themselves, before anything is sent."""

import json
from pathlib import Path

import pytest
from evaluated_study import cells_of, evaluated

from shallowsight.errors import ConfigurationError
from shallowsight.observe.tracking.settings import PROJECT, SAMPLES, Tracking
from shallowsight.observe.tracking.values import Evaluation, Outcome
from shallowsight.steps import resolve
from shallowsight.steps import tracking as tracking_step
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

FOLDER = "disk/ward-7"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Evaluation]:
    """Filled by what would be sent."""
    found: list[Evaluation] = []
    monkeypatch.setenv(PROJECT, "team/probe")
    monkeypatch.setenv(SAMPLES, "1")
    for module in (tracking_step, resolve):
        monkeypatch.setattr(module, "require_tracking", lambda: Tracking("team/probe", 1))

    def send(to: Tracking, evaluations: list[Evaluation]) -> Outcome:
        found.extend(evaluations)
        return Outcome()

    monkeypatch.setattr(tracking_step, "send", send)
    return found


def track(resolved: Resolved, store: Store) -> None:
    folders = cells_of(resolved, "3", store)
    tracking_step.track_setting(resolved, Setting.parse("3"), folders, store)


def test_the_step_and_the_command_send_the_same(tmp_path: Path, sent: list[Evaluation]) -> None:
    store = Store(tmp_path / "study")
    track(evaluated(store, without="3,7:concat"), store)
    by_step = list(sent)
    sent.clear()
    tracking_step.track_study(store)
    assert sent == by_step
    assert [each.name for each in sent] == ["quick 3 seed 0", "quick 3 seed 1"]


def _elsewhere(resolved: Resolved, tower_commit: str | None, language_commit: str | None) -> Resolved:
    """The same study with models of a folder, or of the hub where there is a commit."""
    base = resolved.base.model_copy(
        update={"language": resolved.base.language.model_copy(update={"model": FOLDER, "revision": language_commit})}
    )
    tower = resolved.tower.model_copy(update={"name": FOLDER, "digest": "sha256:tower", "revision": tower_commit})
    return resolved.model_copy(
        update={
            "study": resolved.study.model_copy(update={"base": base}),
            "tower": tower,
            "language_digest": "sha256:language",
        }
    )


@pytest.mark.parametrize(
    ("commits", "said"),
    [
        pytest.param((None, None), ("sha256:tower", "sha256:language"), id="folders"),
        pytest.param(("sha256:tower", "sha256:language"), ("sha256:tower", "sha256:language"), id="pinned folders"),
        pytest.param(("abc", None), (FOLDER, "sha256:language"), id="tower of the hub"),
        pytest.param((None, "abc"), ("sha256:tower", FOLDER), id="language of the hub"),
    ],
)
def test_a_folder_is_named_by_its_digest(
    tmp_path: Path, sent: list[Evaluation], commits: tuple[str | None, str | None], said: tuple[str, str]
) -> None:
    store = Store(tmp_path / "study")
    resolved = evaluated(store, without="3,7:concat")
    folders = cells_of(resolved, "3", store)
    tracking_step.track_setting(_elsewhere(resolved, *commits), Setting.parse("3"), folders, store)
    assert [(each.tower, each.language) for each in sent] == [said, said]
    assert (FOLDER in json.dumps([each.model_dump() for each in sent])) == (FOLDER in said)


def test_a_study_without_results_is_refused(tmp_path: Path, sent: list[Evaluation]) -> None:
    store = Store(tmp_path / "study")
    evaluated(store)
    for scores in store.root.glob("cells/*/scores.json"):
        scores.write_text("{}")  # not what cell.json recorded
    with pytest.raises(ConfigurationError, match="has no finished evaluation; run its study first"):
        tracking_step.track_study(store)
    assert sent == []
