"""The last box of a retraining, called as Kubeflow calls it."""

from pathlib import Path
from types import SimpleNamespace

from kfp import dsl
from study_builder import FEW, Builder

from components.evaluation import report_and_compare


def test_it_reports_and_says_what_it_compared_with(tmp_path: Path) -> None:
    store = Builder(curves=FEW, n=60, fusion_gain=None, seeds=(0, 1)).write(tmp_path / "study")
    places = {name: SimpleNamespace(path=str(tmp_path / name)) for name in ("page", "summary", "comparison")}
    verdicts = dsl.Metrics(name="verdicts", uri=str(tmp_path / "verdicts"))
    report_and_compare.python_func(store=store.as_uri(), run="r1", status=None, verdicts=verdicts, **places)
    assert (tmp_path / "page").read_text().startswith("<!doctype html>")
    assert (tmp_path / "summary").read_text().startswith("| category |")
    assert "this store keeps one run only" in (tmp_path / "comparison").read_text()
    assert verdicts.metadata == {}
