"""The paper's numbers return the paper's statements, and a wrong number does not."""

from pathlib import Path

import pytest
from paper_copies import Change, changed_copy, claim, series

from shallowsight.analysis.partition import best_borders
from shallowsight.errors import ConfigurationError
from shallowsight.report.claims.paper import read_paper
from shallowsight.report.claims.replay import Replay, replay
from shallowsight.report.claims.rules import Held

PAPER = read_paper()
READ, COUNTING = "numbers as read", "counting, position, localisation"


@pytest.fixture(scope="module")
def found() -> Replay:
    return replay(PAPER, best_borders)


def result(found: Replay, name: str) -> Held:
    return next(held for each, held in found.results if each.name == name)


def broken(path: Path) -> set[str]:
    return {each.name for each, _ in replay(read_paper(path), best_borders).broken}


def test_the_paper_returns_its_statements(found: Replay) -> None:
    assert found.broken == ()
    assert [each.name for each in found.unknown] == ["MME position, 18 over 23", "fusion"]
    assert len(found.results) == len(PAPER.claims) == 14


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("groups of layers", "groups end after layers 11 and 20"),
        ("deep for OCR", "OCRBench: 233 (layer 23) against 211 (layer 20)"),
        ("OCRBench, 23 over 18", "Figure 1b: 233 (layer 23) against 200 (layer 18)"),
        (COUNTING, "CVBench: 0.98 (layer 17) against 0.92 (layer 24)"),
        ("CVBench, 18 over 23", "0.98 (layer 18) against 0.57 (layer 23); stated gap 3.03"),
        (
            "last below penultimate",
            "layer 23 higher: General and OCR; layer 24 higher: CVBench; no difference: VC* and POPE",
        ),
        ("MMBench, fusion", "from 35.31 to 49.22: +39.4 %"),
        ("layer 19", "layer 19 dips in all 7 curves, alike by 0.95 and 0.92"),
        ("Figure 2 from Figure 1b", "differences of 0.010 on average, 0.026 at most (layer 5)"),
    ],
)
def test_what_is_found(found: Replay, name: str, words: str) -> None:
    assert words in result(found, name).found


def test_our_tests_claim_nothing_from_one_run_of_each_layer(found: Replay) -> None:
    """Nine categories, one of them over all: 276 pairs of 24 layers in each."""
    assert result(found, "one run").found == f"our tests claim none of {9 * 276:,} differences: training noise unknown"


# A number beyond its tolerance, and the claims that rest on it. The check digit finds each of them too.
WRONG = {
    "TextVQA of a middle layer as high as 23": ("TextVQA", 20, 33.7, {"deep for OCR"}),
    "TextVQA of layer 23": ("TextVQA", 23, 32.2, {"deep for OCR", "Figure 2 from Figure 1b"}),
    "OCRBench of layer 23 below 20": ("OCRBench", 23, 205, {"deep for OCR", "OCRBench, 23 over 18"}),
    "OCRBench of layer 18, off by 3": ("OCRBench", 18, 203, {"OCRBench, 23 over 18"}),
    "OCRBench of layer 18, off by 3 the other way": ("OCRBench", 18, 197, {"OCRBench, 23 over 18"}),
    "OCRBench of layer 23, off by 3": ("OCRBench", 23, 236, {"OCRBench, 23 over 18"}),
    "OCR of layer 20 as high as 23": ("OCR", 20, 0.96, {"deep for OCR"}),
    "OCR of layer 12": ("OCR", 12, 0.33, {"Figure 2 from Figure 1b"}),
    "CVBench of layer 24 as high as 17": ("CVBench", 24, 0.96, {COUNTING, "middle over deep"}),
    "CVBench of layer 18 as low as 23": ("CVBench", 18, 0.60, {"CVBench, 18 over 23", "layer 19"}),
    "CVBench of layer 23 as high as 18": ("CVBench", 23, 0.95, {COUNTING, "CVBench, 18 over 23"}),
    "General of layer 24": ("General", 24, 0.96, {"last below penultimate"}),
    "General of layer 23": ("General", 23, 0.95, {"last below penultimate"}),
    "POPE of layer 24": ("POPE", 24, 1.0, {"last below penultimate"}),
    "VC* of layer 24 above 23": ("VC*", 23, 0.90, {"last below penultimate"}),
    **{
        f"{each.name} of layer 19 without a dip": (each.name, 19, each.values[17], {"layer 19"})
        for each in PAPER.series
    },
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_number_breaks_the_claims_that_rest_on_it(tmp_path: Path, case: str) -> None:
    name, layer, value, claims = WRONG[case]
    path = changed_copy(tmp_path, lambda content, _: series(content, name)["values"].__setitem__(layer - 1, value))
    assert broken(path) >= claims | {READ}


@pytest.mark.parametrize("name", [each.name for each in PAPER.series])
def test_any_changed_number_is_noticed(tmp_path: Path, name: str) -> None:
    """Each by its reading error, also where no claim rests on it; no two changes cancel, as one is made at a time."""
    error = next(each.error for each in PAPER.series if each.name == name)
    for layer in (1, 5, 10, 14, 19):

        def change(content: dict, _: object, at: int = layer - 1) -> None:
            series(content, name)["values"][at] += error

        assert READ in broken(changed_copy(tmp_path, change))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "by"), [("OCR", 0.06), ("TextVQA", 3.2), ("OCRBench", 26)])
def test_every_number_of_figure_1b_and_its_row_in_figure_2_is_checked_by_the_other(
    tmp_path: Path, name: str, by: float
) -> None:
    """Each moves the difference of its layer by 0.06, which is more than twice the largest that is allowed, .028."""
    for layer, value in enumerate(next(each.values for each in PAPER.series if each.name == name), start=1):
        other = value - by if value >= by else value + by

        def change(content: dict, _: object, at: int = layer - 1, to: float = other) -> None:
            series(content, name)["values"][at] = to

        assert "Figure 2 from Figure 1b" in broken(changed_copy(tmp_path, change)), (name, layer)


def both(similarity: list[list[float]], a: int, b: int, value: float) -> None:
    similarity[a][b] = similarity[b][a] = value


SIMILARITIES: dict[str, tuple[Change, set[str]]] = {
    "one cell": (lambda _, s: s[3].__setitem__(9, s[3][9] + 0.03), {READ}),
    "the diagonal": (lambda _, s: s[7].__setitem__(7, 0.9), {READ}),
    "layers 18 and 19 unlike": (lambda _, s: both(s, 18, 19, 0.85), {READ, "layer 19"}),
    "layers 19 and 20 unlike": (lambda _, s: both(s, 19, 20, 0.85), {READ, "layer 19"}),
    "no border after 20": (
        lambda _, s: [both(s, a, b, 0.9) for a in range(13, 25) for b in range(13, 25) if a != b],
        {READ, "groups of layers"},
    ),
}


@pytest.mark.parametrize("case", SIMILARITIES)
def test_wrong_similarities(tmp_path: Path, case: str) -> None:
    change, claims = SIMILARITIES[case]
    assert broken(changed_copy(tmp_path, change)) == claims


STATED = {
    "233": ("OCRBench, 23 over 18", "stated", [236, 200]),
    "200": ("OCRBench, 23 over 18", "stated", [233, 203]),
    "47.29": ("CVBench, 18 over 23", "stated", [47.9, 44.26]),
    "44.26": ("CVBench, 18 over 23", "stated", [47.29, 44.9]),
    "the order": ("CVBench, 18 over 23", "stated", [44.26, 47.29]),
    "3 points": ("CVBench, 18 over 23", "gap", 4.0),
    "35.31": ("MMBench, fusion", "before", 35.6),
    "49.22": ("MMBench, fusion", "after", 50.0),
    "39 %": ("MMBench, fusion", "percent", 29),
    "the layer that dips": ("layer 19", "layer", 21),
    "a border": ("groups of layers", "borders", [12, 21]),
    "a first border two layers off": ("groups of layers", "borders", [9, 20]),
    "a representative": ("groups of layers", "representatives", [3, 10, 23]),
    "a group": ("deep for OCR", "group", "middle"),
}


@pytest.mark.parametrize("case", STATED)
def test_a_wrong_statement_breaks_its_claim(tmp_path: Path, case: str) -> None:
    name, key, value = STATED[case]
    path = changed_copy(tmp_path, lambda content, _: claim(content, name)["check"].__setitem__(key, value))
    assert broken(path) == {name}


def test_a_dip_elsewhere_is_no_less_a_dip(tmp_path: Path) -> None:
    """Layer 16 is like its neighbours too: if it dipped everywhere, 19 would not be the only one."""

    def change(content: dict, _: object) -> None:
        for each in content["series"]:
            each["values"][15] = 0.5 * min(each["values"][14], each["values"][16])

    assert "layer 19" in broken(changed_copy(tmp_path, change))


REFUSED: dict[str, tuple[Change, str]] = {
    "23 layers": (lambda c, _: series(c, "POPE")["values"].pop(), "at least 24 items"),
    "more than everything": (lambda c, _: series(c, "TextVQA")["values"].__setitem__(0, 101), "between 0 and 100"),
    "a flat curve": (lambda c, _: series(c, "OCR").update(values=[0.5] * 24), "all layers have one score"),
    "a series that is gone": (lambda c, _: c["series"].pop(0), "'Figure 2 from Figure 1b' rests on series.*: TextVQA"),
    "two of a name": (lambda c, _: c["claims"].append(c["claims"][0]), "two series or two claims have one name"),
    "an unknown rule": (lambda c, _: c["claims"][0]["check"].update(kind="magic"), "magic"),
    "an unknown key": (lambda c, _: c["claims"][0].update(weight=2), "weight"),
    "a cell too few": (lambda _, s: s[4].pop(), "at least 25 items"),
    "no error": (lambda c, _: series(c, "OCR").update(error=0), "greater than 0"),
    "no series": (lambda c, _: c.pop("series"), "series"),
    "no similarity": (lambda c, _: c.pop("similarity"), "similarity"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_data_file_of_another_form_is_refused(tmp_path: Path, case: str) -> None:
    change, message = REFUSED[case]
    with pytest.raises(ConfigurationError, match=f"(?s)paper.yaml: the paper's numbers cannot be used.*{message}"):
        read_paper(changed_copy(tmp_path, change))


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        read_paper(tmp_path / "paper.yaml")
    (tmp_path / "paper.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        read_paper(tmp_path / "paper.yaml")
