"""All files of a report or none, and never anyone else's."""

import json
from pathlib import Path

import pytest
from study_builder import Builder

from shallowsight.errors import ConfigurationError
from shallowsight.report import figures, write
from shallowsight.report.inputs import read_study
from shallowsight.report.write import write_report
from shallowsight.store.digest import digest_of


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cheapest study: nothing evaluated."""
    return Builder(evaluated=False, n=5, analysis=False).write(tmp_path_factory.mktemp("s") / "empty")


def test_a_report_is_replaced_as_a_whole(empty, tmp_path):
    out = tmp_path / "deep" / "report"
    first = write_report(empty, out).stat().st_ino
    assert write_report(empty, out).stat().st_ino != first
    assert [p.name for p in out.parent.iterdir()] == ["report"]  # nothing left aside


def test_a_crash_leaves_the_old_report(empty, tmp_path, monkeypatch):
    out = tmp_path / "report"
    old = write_report(empty, out).read_bytes()
    monkeypatch.setattr(figures, "similarity_png", lambda study: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(empty, out)
    assert (out / "report.html").read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("existing", [True, False])
def test_a_crash_in_writing_shows_nothing_half_done(empty, tmp_path, monkeypatch, existing):
    out = tmp_path / "report"
    if existing:
        write_report(empty, out)
    before = {p.name: p.read_bytes() for p in out.iterdir()} if existing else {}
    real, calls = Path.write_bytes, []

    def failing(self: Path, content: bytes) -> int:
        calls.append(self)
        if len(calls) == 3:
            raise OSError("disk full")
        return real(self, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="disk full"):
        write_report(empty, out)
    assert ({p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else {}) == before
    assert [p.name for p in tmp_path.iterdir()] == (["report"] if existing else [])


def test_a_failing_swap_brings_the_old_report_back(empty, tmp_path, monkeypatch):
    out = tmp_path / "report"
    old = write_report(empty, out).read_bytes()
    real = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("no")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="no"):
        write_report(empty, out)
    assert (out / "report.html").read_bytes() == old


def test_foreign_files_are_not_deleted(empty, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigurationError, match=r"thesis\.tex"):
        write_report(empty, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="not a study folder"):
        write_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plan_of_another_form_is_refused(tmp_path):
    (tmp_path / "study.json").write_text('{"name": "x"}')
    (tmp_path / "plan.json").write_text('{"members": [{}]}')
    with pytest.raises(ConfigurationError, match="agreed form"):
        write_report(tmp_path, tmp_path / "out")


def test_infinity_is_null_in_json():
    assert (
        write._json({"a": float("inf"), "b": [float("nan"), 1.0]})
        == b'{\n  "a": null,\n  "b": [\n    null,\n    1.0\n  ]\n}\n'
    )


def test_a_plan_of_another_study_is_no_plan(tmp_path):
    """Where two studies were begun in one bucket, the plan written last may be the other's."""
    folder = Builder(evaluated=False, n=5, analysis=False).write(tmp_path / "study")
    document, plan = (json.loads((folder / name).read_text()) for name in ("study.json", "plan.json"))
    assert read_study(folder).members
    (folder / "plan.json").write_text(json.dumps({**plan, "study": digest_of(document)}))
    assert read_study(folder).members
    (folder / "plan.json").write_text(json.dumps({**plan, "study": "0" * 16}))
    assert read_study(folder).members == ()
