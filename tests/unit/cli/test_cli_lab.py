"""`shallowsight analyze` and `explain` from the command line."""

from pathlib import Path

import pytest
from command_line import Run
from tiny import write_pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_pictures(folder, 16)
    return folder


def test_analyze(run: Run, towers: dict[str, Path], pictures: Path, tmp_path: Path) -> None:
    ended = run(
        "analyze", str(towers["clip"]), str(pictures), "--image-size", "28", "--measures", "norms, cosine_patch"
    )
    assert ended.status == 0, ended.err
    page = tmp_path / "here" / "runs" / "analysis-clip" / "analysis.html"
    assert ended.out.splitlines()[-1] == str(page) and page.is_file()
    assert "16 of 16 pictures, about" in ended.out


def test_analyze_with_labels(run: Run, towers: dict[str, Path], pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image,kind\n" + "".join(f"{number}.png,{number % 2}\n" for number in range(16)))
    words = ("--image-size", "28", "--measures", "norms", "--labels", str(table))
    ended = run("analyze", str(towers["clip"]), str(pictures), *words)
    assert ended.status == 0, ended.err
    assert "kind: not probed: 12 training and 4 test questions with a picture; a probe needs 50 and 20" in ended.out


def test_explain(run: Run, towers: dict[str, Path], pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.png"
    words = ("--layers", "1,4", "--point", "3,9", "--image-size", "28", "--out", str(out))
    ended = run("explain", str(towers["clip"]), str(pictures / "0.png"), *words)
    assert ended.status == 0, ended.err
    assert ended.out.strip() == str(out) and out.is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("analyze", "embedded:dinov2-small", "none"), "pictures in none: there is no such folder"),
        (("analyze", "embedded:other", "."), "no tower 'embedded:other'; the embedded one is embedded:dinov2-small"),
        (("explain", "embedded:dinov2-small", "x.png", "--point", "3"), "--point '3': write two whole numbers, X,Y"),
        (("explain", "embedded:dinov2-small", "x.png"), "picture x.png: there is no such file"),
    ],
)
def test_one_clear_error(words: tuple[str, ...], message: str, run: Run) -> None:
    ended = run(*words)
    assert ended.status == 2 and message in ended.err and len(ended.err.strip().splitlines()) == 1


def test_loading_a_tower_draws_no_bars(run: Run, towers: dict[str, Path], pictures: Path, tmp_path: Path) -> None:
    ended = run("explain", str(towers["clip"]), str(pictures / "0.png"), "--image-size", "28", "--out", "seen.png")
    assert (ended.status, ended.err) == (0, "")
