"""`shallowsight compare` from the command line."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from study_builder import Builder

CURVES = {"count": {2: 0.6, 7: 0.6, 11: 0.6}, "colour": {2: 0.8, 7: 0.8, 11: 0.8}}
WORSE = {"count": {2: 0.6, 7: 0.2, 11: 0.6}, "colour": {2: 0.8, 7: 0.4, 11: 0.8}}


def written(
    folder: Path, salt: str, curves: dict[str, dict[int, float]], seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
) -> str:
    builder = Builder(
        curves=curves,
        seeds=seeds,
        seed_sd=0.005,
        fusion_gain=None,
        salt=salt,
        rng=np.random.default_rng(len(salt)),
    )
    return str(builder.write(folder))


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The second one is much worse at one of its settings."""
    folder = tmp_path_factory.mktemp("studies")
    return written(folder / "before", "b", CURVES), written(folder / "after", "aa", WORSE)


def test_compare_two_folders(run: Run, studies: tuple[str, str]) -> None:
    ended = run("compare", *studies)
    assert ended.status == 0, ended.err
    assert f"from {studies[0]} to {studies[1]}" in ended.out.replace("\n", "")
    assert "The second study is worse in 3 of 9 comparisons" in ended.out
    assert list(Path.cwd().iterdir()) == []


def test_files_are_written(run: Run, studies: tuple[str, str]) -> None:
    ended = run("compare", *studies, "--out", "seen")
    assert ended.status == 0 and ended.out.splitlines()[-1] == "page: seen/compare.html"
    assert {p.name for p in Path("seen").iterdir()} == {"compare.html", "compare.json", "compare.md"}


def test_worse_may_fail_a_build(run: Run, studies: tuple[str, str]) -> None:
    ended = run("compare", *studies, "--fail-if-worse", "--out", "seen")
    assert ended.status == 1
    assert ended.err.startswith("shallowsight: --fail-if-worse: the second study is worse: layer 7 on count")
    assert Path("seen/compare.json").is_file() and "The second study is worse" in ended.out


def test_a_gate_that_could_not_fail_is_no_gate(run: Run, tmp_path: Path) -> None:
    few = [written(tmp_path / name, name, curves, seeds=(0,)) for name, curves in (("a", CURVES), ("bb", WORSE))]
    assert run("compare", *few).status == 0
    ended = run("compare", *few, "--fail-if-worse")
    assert ended.status == 2 and "--fail-if-worse: no comparison has enough seeds" in ended.err


def test_better_does_not_fail_a_build(run: Run, studies: tuple[str, str]) -> None:
    assert run("compare", *reversed(studies), "--fail-if-worse").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing",), "nothing has no study (no study.json); name the --out of one"),
        (("{before}", "--run-after", "r1"), "has no run 'r1': it has no runs; only a bucket keeps several"),
        (("{before}", "--out", "{before}"), "but this folder holds other files"),
    ],
)
def test_one_clear_error(run: Run, studies: tuple[str, str], words: tuple[str, ...], message: str) -> None:
    ended = run("compare", studies[0], *(word.replace("{before}", studies[0]) for word in words))
    assert ended.status == 2 and message in ended.err and len(ended.err.strip().splitlines()) == 1


def test_studies_that_cannot_be_compared(run: Run, studies: tuple[str, str], tmp_path: Path) -> None:
    other = written(tmp_path / "other", "ccc", {"count": {3: 0.6, 4: 0.6}})
    ended = run("compare", studies[0], other)
    assert ended.status == 2 and "they have no setting in common" in ended.err
