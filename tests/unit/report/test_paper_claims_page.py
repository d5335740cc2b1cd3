"""docs/paper-claims.md has the data file's claims and numbers, and says true things about them."""

from statistics import fmean

from paper_claims_page import PAGE, PAPER, with_tables

TEXT = PAGE.read_text(encoding="utf-8")
FIGURE_2 = {each.name: each.values for each in PAPER.series if each.source == "Figure 2"}


def test_the_page_has_the_data_files_tables() -> None:
    assert with_tables(TEXT) == TEXT, "write it anew: python tests/paper_claims_page.py"


def test_what_the_page_says_of_the_last_two_layers() -> None:
    last, penultimate = (fmean(values[layer - 1] for values in FIGURE_2.values()) for layer in (24, 23))
    assert f"the mean over the five categories is higher for layer 24 ({last:.2f} against {penultimate:.2f})" in TEXT


def test_what_the_page_says_of_cvbench_and_of_layer_21() -> None:
    cvbench = FIGURE_2["CVBench"]
    assert f"Its layer 24, a deep one, reads {cvbench[23]}," in TEXT
    assert {cvbench[layer - 1] for layer in (17, 18, 20)} == {0.98} and "layers 17, 18 and 20 read 0.98" in TEXT
    dips = [each.name for each in PAPER.series if each.values[20] < min(each.values[19], each.values[21]) - each.error]
    assert len(dips) == 6 and "Layer 21 dips in six of seven curves" in TEXT
    assert f"is not like layer 20 ({PAPER.similarity.values[20][21]})" in TEXT


def test_a_changed_number_of_the_page_is_noticed() -> None:
    assert with_tables(TEXT.replace("| 23 | 33.8 |", "| 23 | 33.9 |")) == TEXT
    assert "| 23 | 33.8 |" in TEXT
