"""What the dry run says of public benchmarks: how many questions they ask, and what can be claimed with them."""

from pathlib import Path

import pytest
from public_rows import write_set
from session_runs import run as run_session

from shallowsight.errors import ConfigurationError

WORDS = ("settings=6 penultimate last", "seeds=0 1 2 3 4")


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    mirror = tmp_path / "mirror"
    if not mirror.exists():
        for name in ("pope", "mme"):
            write_set(mirror, name)
    run_session("study", tmp_path / "out", *WORDS, f"data.benchmarks={mirror}", *words, name="demo", dry_run=True)
    return capsys.readouterr().out


def test_questions_of_each_benchmark_and_the_smallest_category(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour pope mme")
    assert "benchmark pope: each model is asked 6 questions\n" in found
    assert "benchmark mme: each model is asked 16 questions\n" in found
    assert "5 seeds x 6 questions in the smallest category: " in found  # pope's
    write_set(tmp_path / "mirror", "mmbench")
    rotated = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour mmbench")
    assert "5 seeds x 3 questions in the smallest category: " in rotated  # 12 rows, in four rotations at most
    few = said(tmp_path, capsys, "benchmarks=pope", "probes=false", "data.benchmark_rows=3")
    assert "benchmark pope: each model is asked at most 3 questions\n" in few


def test_probes_need_questions_of_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"probes=true with benchmarks pope: .*set probes=false, or name"):
        said(tmp_path, capsys, "benchmarks=pope")


def test_submissions_are_asked_and_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pope", "textvqa_test", "mmvet"):
        write_set(tmp_path / "mirror", name)
    alone = said(tmp_path, capsys, "benchmarks=scenes_count pope")
    found = said(tmp_path, capsys, "benchmarks=scenes_count pope textvqa_test mmvet")
    only = "questions, for a submission file only: only"
    assert f"benchmark textvqa_test: each model is asked 4 {only} its server can score its answers\n" in found
    assert f"benchmark mmvet: each model is asked 3 {only} a judge can score its answers, and the study" in found
    claims = [line for line in alone.splitlines() if " seeds x " in line]
    assert claims and claims == [line for line in found.splitlines() if " seeds x " in line]
    asked = said(
        tmp_path,
        capsys,
        "benchmarks=scenes_count pope mmvet",
        "judge.ask=true",
        "judge.price_input=0",
        "judge.price_output=0",
    )
    assert "benchmark mmvet: each model is asked 3 questions\n" in asked
    part = said(tmp_path, capsys, "benchmarks=scenes_count pope textvqa_test mmvet", "data.benchmark_rows=3")
    assert (
        "benchmark textvqa_test will not be run: only its server can score its answers; its server takes all 4" in part
    )
    assert " answers, and data.benchmark_rows=3 asks fewer; set it to 0\n" in part
    assert f"benchmark mmvet: each model is asked 3 {only}" in part, "all three"


def test_captions_without_java_are_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shallowsight.evaluate.public.needs.find_spec", lambda name: True)
    monkeypatch.setattr("shallowsight.evaluate.public.needs.which", lambda name: None)
    write_set(tmp_path / "mirror", "pope")
    found = said(tmp_path, capsys, "benchmarks=scenes_count pope refcoco_caption")
    assert "benchmark refcoco_caption will not be run: captions are scored with Java" in found


def test_nothing_but_submissions_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(tmp_path / "mirror", "textvqa_test")
    with pytest.raises(ConfigurationError, match=r"^nothing would be compared, name a benchmark that is scored here"):
        said(tmp_path, capsys, "benchmarks=textvqa_test mmvet", "probes=false")


def test_what_is_not_run_counts_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour")
    found = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour gqa")
    assert "benchmark gqa will not be run: " in found
    claims = [line for line in alone.splitlines() if " seeds x " in line]
    assert claims and claims == [line for line in found.splitlines() if " seeds x " in line]
