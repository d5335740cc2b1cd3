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


def test_what_is_not_run_counts_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour")
    found = said(tmp_path, capsys, "benchmarks=scenes_count scenes_colour gqa")
    assert "benchmark gqa will not be run: " in found
    claims = [line for line in alone.splitlines() if " seeds x " in line]
    assert claims and claims == [line for line in found.splitlines() if " seeds x " in line]
