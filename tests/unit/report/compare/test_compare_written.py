"""The comparison as files, as Markdown and in the terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from study_builder import Builder
from two_studies import FLAT, compared, study

from shallowsight.errors import ConfigurationError
from shallowsight.report.compare.markdown import escaped, markdown
from shallowsight.report.compare.terminal import MOST, terminal_text
from shallowsight.report.compare.values import Compared
from shallowsight.report.compare.words import require_compared
from shallowsight.report.compare.write import FILES, write_comparison

EVIL = '<script>alert("|")</script>'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """A drop on one category, whose name is an attack, in a study whose name is one."""
    folder = tmp_path_factory.mktemp("written")

    def change(document: dict[str, Any]) -> None:
        document["study"]["name"] = EVIL

    before = {EVIL: FLAT["count"], "colour": FLAT["colour"]}
    after = {**before, EVIL: {2: 0.6, 7: 0.2, 11: 0.6}}
    return compared(study(folder / "b", 0, curves=before), study(folder / "a", 1, change, curves=after))


def test_three_files_and_nothing_else(found: Compared, tmp_path: Path) -> None:
    page = write_comparison(found, tmp_path / "out")
    assert page.name == "compare.html" and {p.name for p in page.parent.iterdir()} == set(FILES)
    write_comparison(found, tmp_path / "out")  # an earlier comparison is replaced


def test_a_folder_with_other_files_is_left_alone(found: Compared, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds other files"):
        write_comparison(found, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_numbers_are_those_of_the_comparison(found: Compared, tmp_path: Path) -> None:
    numbers = json.loads((write_comparison(found, tmp_path / "out").parent / "compare.json").read_text())
    assert len(numbers["differences"]) == len(found.differences) == 9
    for row, d in zip(numbers["differences"], found.differences, strict=True):
        assert (row["difference"], row["verdict"], row["p"]) == (d.gap, d.verdict.value, d.p)
        assert len(row["before"]["evaluations"]) == 5
    assert numbers["headline"].startswith("The second study is worse in")
    assert numbers["questions"]["colour"]["paired"] is True


def test_the_page_escapes_and_asks_for_nothing(found: Compared, tmp_path: Path) -> None:
    page = write_comparison(found, tmp_path / "out").read_text()
    assert EVIL not in page and "&lt;script&gt;" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "") and "src=" not in page
    assert "default-src 'none'" in page
    assert page.count("worse</span>") == sum(d.verdict.value == "worse" for d in found.differences)


def test_markdown_escapes_what_could_format(found: Compared) -> None:
    text = markdown(found)
    assert "<script>" not in text and "\\<script\\>" in text
    rows = [line for line in text.splitlines() if line.startswith("| layer")]
    # A cell's own bar is escaped, so that every row has seven cells.
    assert {row.replace("\\|", "").count("|") for row in rows} == {8} and len(rows) == 9


def test_markdown_of_one_line() -> None:
    assert escaped("a *b*\n# c [d](e)") == "a \\*b\\* \\# c \\[d\\](e)"


def test_the_terminal_shows_every_difference(found: Compared) -> None:
    console = Console(width=120, record=True)
    with console.capture() as shown:
        console.print(terminal_text(found))
    text = shown.get()
    assert text.count("\N{ALMOST EQUAL TO} not distinguishable") >= 6 and "worse, p" in text
    assert "name: demo \N{RIGHTWARDS ARROW} <script>" in text
    assert "The second study is worse" in text


def test_a_long_table_is_cut_to_what_says_something(tmp_path: Path) -> None:
    layers = {2: 0.6, 7: 0.6, 11: 0.6}
    curves = {f"kind{number}": layers for number in range(14)}
    found = compared(
        study(tmp_path / "b", 0, curves=curves, n=40, seeds=(0, 1)),
        study(tmp_path / "a", 1, curves=curves, n=40, seeds=(0, 1)),
    )
    assert len(found.differences) > MOST
    console = Console(width=120)
    with console.capture() as shown:
        console.print(terminal_text(found))
    assert shown.get().count("all categories") >= 3
    assert "not distinguishable in single categories; --out DIR lists them" in shown.get()


def test_studies_without_a_common_setting_are_refused(tmp_path: Path) -> None:
    curves = {name: {3: 0.6, 4: 0.6} for name in FLAT}
    found = compared(study(tmp_path / "b", 0), study(tmp_path / "a", 1, curves=curves))
    with pytest.raises(ConfigurationError, match="no setting in common; the first has 2, 7, 11, the second 3, 4"):
        require_compared(found)


def test_a_study_without_results_is_refused(tmp_path: Path) -> None:
    found = compared(study(tmp_path / "b", 0), study(tmp_path / "a", 1, evaluated=False))
    with pytest.raises(ConfigurationError, match="cannot be compared"):
        require_compared(found)


def test_a_study_of_an_older_version_is_read(tmp_path: Path) -> None:
    """Without facts of the tower, of the data, and of the packages."""
    folder = Builder(curves=FLAT, fusion_gain=None).write(tmp_path / "old")
    assert len(compared(folder, folder).differences) == 9
