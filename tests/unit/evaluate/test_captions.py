"""RefCOCO's captions: lmms-eval's numbers, a score for each answer, and what is said where Java is missing."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from lmms_eval_numbers import own_numbers, recorded_model
from public_rows import write_set

from shallowsight.data.public.mirror import NotRunnable, local_set, read_set
from shallowsight.evaluate.harness import run_lmms_eval
from shallowsight.evaluate.public import needs
from shallowsight.evaluate.public.asking import PublicSet, ask
from shallowsight.evaluate.public.captions import caption_scores
from shallowsight.evaluate.public.needs import require_here
from shallowsight.study.public_benchmarks import PublicBenchmark, find_public


@pytest.fixture
def captions() -> PublicBenchmark:
    found = find_public("refcoco_caption")
    assert found is not None
    return found


def missing() -> str:
    found = find_public("refcoco_caption")
    assert found is not None
    try:
        require_here(found)
    except NotRunnable as reason:
        return str(reason)
    return ""


def caption(doc: Mapping[str, Any], number: int) -> str:
    """Of three rows: one of the true ones, half of it with other words, and nothing."""
    return ("The Thing 0!", "a thing\nsomewhere in the picture", "")[number]


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_official_numbers_and_a_score_for_each_caption(
    captions: PublicBenchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "mirror", captions.name)
    model = recorded_model(caption, tmp_path)
    record = read_set(str(tmp_path / "mirror"), captions)
    public = PublicSet(captions, local_set(str(tmp_path / "mirror"), captions, record), record.split)
    (tmp_path / "work").mkdir()
    found = ask(public, 0, model, lambda tasks, folder: run_lmms_eval(model, tasks, folder), tmp_path / "work")
    assert found.not_run == ""
    scores = [row["correct"] for row in found.rows]
    # "the thing 0" has two of the words of "thing 0" and one of "the 0" too: precision 2/3, recall 1 with the first.
    best = (1 + 1.2**2) * (2 / 3) * 1 / (1 + 1.2**2 * (2 / 3))
    assert scores[0] == pytest.approx(best) and 0 < scores[1] < scores[0] and scores[2] == 0
    assert fmean(scores) == pytest.approx(found.official["refcoco_ROUGE_L"], abs=1e-12)
    assert "official" not in found.rows[0], "lmms-eval scores no single answer"
    assert found.rows[0]["image_id"] == found.rows[1]["image_id"] != found.rows[2]["image_id"], "without the box"
    theirs = own_numbers(captions.name, model, tmp_path / "mirror", tmp_path / "own")
    assert found.official == {key: theirs[key] for key in captions.official}


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_an_end_of_a_line_in_an_answer_moves_no_other() -> None:
    said = ("a\rred cat", "a\u2028red dog", "a red cat")
    samples = [{"doc": {"answer": ["a red cat"]}, "filtered_resps": [text]} for text in said]
    assert caption_scores(samples) == [1.0, pytest.approx(2 / 3), 1.0]


@pytest.mark.parametrize(
    ("absent", "says"),
    [
        ("pycocoevalcap", r"the package 'pycocoevalcap'; install it with: pip install 'shallowsight\[captions\]'"),
        ("pycocotools", r"the package 'pycocotools'; install it with: pip install 'shallowsight\[captions\]'"),
        ("java", r"there is no `java`; apt-get install default-jre-headless"),
    ],
)
def test_what_is_missing_is_named_with_the_command(
    captions: PublicBenchmark, absent: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec("json")
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == absent else there)
    monkeypatch.setattr(needs, "which", lambda name: None if name == absent else f"/usr/bin/{name}")
    with pytest.raises(NotRunnable, match=says):
        require_here(captions)


def test_a_folder_that_cannot_be_written_is_named(captions: PublicBenchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: importlib.util.find_spec("json"))
    monkeypatch.setattr(needs, "which", lambda name: f"/usr/bin/{name}")
    require_here(captions)
    monkeypatch.setattr(needs.os, "access", lambda folder, mode: False)
    with pytest.raises(NotRunnable, match=r"pycocoevalcap writes into its own folder .*json, which cannot be written"):
        require_here(captions)


def test_other_benchmarks_need_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    monkeypatch.setattr(needs, "which", lambda name: None)
    for name in ("refcoco", "textvqa_test", "mmvet"):
        benchmark = find_public(name)
        assert benchmark is not None
        require_here(benchmark)
