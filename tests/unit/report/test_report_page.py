"""The page: self-contained, escaped, honest about holes."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console
from study_builder import CURVES, Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.page import duration
from shallowsight.report.terminal import terminal_table
from shallowsight.report.words import listed, ranges
from shallowsight.report.write import FILES, write_report


class Outline(HTMLParser):
    """Tags that are open at the end, and every address the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "img", "br", "link", "use", "image"):
            self.open.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "srcset", "action") and v]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def page(folder: Path) -> str:
    return (folder / "report" / "report.html").read_text()


def test_all_files_are_there(planted):
    assert sorted(p.name for p in (planted / "report").iterdir()) == sorted([*FILES, "map.png", "pareto.png"])
    assert (planted / "report" / "curves.png").read_bytes().startswith(b"\x89PNG")
    lines = (planted / "report" / "scores.csv").read_text().splitlines()
    assert (
        lines[0].startswith("setting,layers,fusion,connector,image_tokens,seed,benchmark")
        and len(lines) == 1 + 4 * 3 * 2
    )


@pytest.mark.parametrize("study", ["planted", "holed"])
def test_nothing_is_loaded_from_elsewhere(study, request):
    text = page(request.getfixturevalue(study))
    outline = Outline()
    outline.feed(text)
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in outline.addresses)
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", text)
    assert not re.search(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text and "script" not in outline.tags
    assert outline.open == []


def test_model_output_is_escaped(holed):
    text = page(holed)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "<script" not in text
    assert "count&lt;img src=" in text and "<img" not in text


def test_drawings_use_the_page_colours_and_unique_ids(planted):
    drawings = re.findall(r"<svg role=.*?</svg>", page(planted), flags=re.S)
    # Two categories and both together: scores and learning; two maps of similarity; the map over layers; costs.
    assert len(drawings) == 10
    assert not re.search(r"#[0-9a-f]{6}(?![0-9a-f])", re.sub("#fffffe|#000001", "", "".join(drawings)))
    ids = [i for d in drawings for i in set(re.findall(r' id="([^"]+)"', d))]
    assert len(ids) == len(set(ids))


def test_the_answer_leads(planted):
    text = page(planted)
    assert "Layer 7 beats the penultimate one in one of two categories" in text
    assert "Better than the penultimate layer, the usual choice: layer 7 for count" in text
    assert "No layer is shown to beat the penultimate one in colour." in text
    assert text.index("<h1>") < text.index('id="answer"') < text.index('id="curves"') < text.index('id="limits"')
    assert "One vision tower (dinov2-small)" in text and "composed scenes" in text and "trained from scratch" in text


def test_holes_are_shown(holed):
    text = page(holed)
    assert "of 15 models are missing" in text
    assert "failed at finetune" in text and "RuntimeError: loss is nan in finetune" in text
    assert "failed at pretrain" in text and "unfinished at evaluate" in text
    assert 'id="similarity"' not in text and "A missing layer may be the best one" in text


def test_nothing_finished_still_makes_a_page(tmp_path):
    folder = Builder(evaluated=False, n=5).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "No model of this study has been evaluated yet" in text and "No evaluate cell" in text
    assert json.loads((tmp_path / "out" / "recommendation.json").read_text())["categories"] == {}
    assert "unfinished" in str(_printed(folder))


def test_pairs_that_were_not_planned_are_exploration(planted):
    text = page(planted)
    assert "These pairs were not planned" in text and text.index("These pairs") > text.index('id="scores"')


def test_one_seed_claims_nothing(tmp_path):
    folder = Builder(curves={"count": CURVES["count"]}, seeds=(0,)).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "Too few seeds: scores, but no claims yet" in text
    assert "chip better" not in text and "training noise is unknown" in text
    entry = json.loads((tmp_path / "out" / "recommendation.json").read_text())["categories"]["count"]
    assert entry["confidence"] == "no evidence" and entry["layer"] == 11
    assert "too few seeds: training noise unknown" in entry["why"]


def _damage(folder: Path, change) -> Path:
    """Rewrite samples.jsonl of layer 7, seed 0."""
    plan = json.loads((folder / "plan.json").read_text())
    digest = next(m for m in plan["members"] if m["setting"] == "7")["experiments"][0]["cells"]["evaluate"]
    samples = folder / "cells" / digest / "samples.jsonl"
    samples.write_text(change(samples.read_text()))
    return folder / "cells" / digest


def test_a_changed_output_is_a_hole(tmp_path):
    folder = Builder(curves={"count": CURVES["count"]}, n=20).write(tmp_path / "study")
    _damage(folder, lambda text: text.replace('"correct": 0', '"correct": 1'))
    trial = read_study(folder).member("7").trials[0]
    assert not trial.done and "sha256" in trial.error


def test_a_torn_ledger_and_cell_are_survived(tmp_path):
    folder = Builder(curves={"count": CURVES["count"]}, n=20).write(tmp_path / "study")
    with (folder / "ledger.jsonl").open("a") as ledger:
        ledger.write('{"event": "sta')
    (_damage(folder, str) / "cell.json").write_text("{")
    study = read_study(folder)
    assert not study.member("7").trials[0].done and "cell.json cannot be read" in study.problems[0]


def test_equal_seeds_are_one_seed(tmp_path):
    folder = Builder(curves={"count": {7: 0.5, 12: 0.5}}, fusion_gain=None, n=20).write(tmp_path / "study")
    plan = json.loads((folder / "plan.json").read_text())
    for member in plan["members"]:
        for other in member["experiments"][1:]:
            other["cells"] = member["experiments"][0]["cells"]
    (folder / "plan.json").write_text(json.dumps(plan))
    findings = find(read_study(folder))
    assert not findings.noise_known and "counted as one seed" in findings.problems[0]


def test_terminal_table_fits(tmp_path):
    folder = Builder(n=40).write(tmp_path / "study")
    lines = _printed(folder).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith(("2 ", "4 ", "7 ", "9 ", "11 ", "12 ", "2,7,11:concat")) for line in lines) == 7
    assert "*" in "".join(lines) and "\N{PLUS-MINUS SIGN}" in lines[-3]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_terminal_shows_long_settings_whole(tmp_path, width):
    """Where there is no room for all categories, they go on in a further table."""
    more = tuple((f"4>0,7>1|11:{way}", [4, 7, 11], way, None, 36) for way in ("internal-direct", "internal-modular"))
    folder = Builder(n=40, more=more).write(tmp_path / "study")
    lines = _printed(folder, width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line.split() for line in lines]
    parts = [words[1:] for words in rows if words[:1] == ["setting"]]
    assert [name for part in parts for name in part] == list(CURVES)
    assert [len(part) for part in parts] == {60: [2, 2, 2], 80: [4, 2], 100: [6], 200: [6]}[width]
    for member in read_study(folder).members:
        found = [words[1:] for words in rows if words[:1] == [member.setting]]
        assert [len(values) for values in found] == [len(part) for part in parts]
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines)


def test_settings_are_not_cut_in_the_terminal(tmp_path):
    more = tuple((f"4>0,7>1|11:{way}", [4, 7, 11], way, None, 36) for way in ("internal-direct", "internal-modular"))
    printed = _printed(Builder(n=40, more=more).write(tmp_path / "study"))
    assert "direct" in printed and "modular" in printed


LONG = {
    "pretrain": {"limit": 64, "records": 9, "longest": 64, "cut": [], "left_out": []},
    "finetune": {"limit": 64, "records": 24, "longest": 90, "cut": ["r0", "<b>"], "left_out": ["r7"]},
    "evaluate": {"limit": 64, "records": 40, "longest": 70, "cut": [], "left_out": [f"q{n}" for n in range(200)]},
}
SAID = (
    "Records of finetuning: 1 of 24 left out (no answer within 64 tokens): 'r7'; 2 of 24 cut at 64 tokens: 'r0', '<b>'."
)


def test_texts_that_do_not_enter_whole_are_named(tmp_path):
    folder = Builder(n=40, shortened=LONG, failed={("2", 0): "finetune"}).write(tmp_path / "study")
    printed = " ".join(_printed(folder).split())
    assert SAID in printed and "Records of pretraining" not in printed
    assert "Test questions: 200 of 40 left out" in printed and "'q4' and 195 more" in printed
    (used,) = re.findall(r"cut at 64 tokens: .* All ids: (cells/\w+/shortened\.json) Test", printed)
    assert json.loads((folder / used).read_text()) == LONG["finetune"]

    write_report(folder, tmp_path / "report")
    html = (tmp_path / "report" / "report.html").read_text()
    assert SAID.replace("'", "&#39;").replace("<b>", "&lt;b&gt;") in html
    numbers = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {step: (n["records"], n["left_out"], n["cut"]) for step, n in numbers["shortened"].items()} == {
        "pretrain": (9, 0, 0),
        "finetune": (24, 1, 2),
        "evaluate": (40, 200, 0),
    }
    assert numbers["shortened"]["finetune"]["cut_ids"] == ["r0", "<b>"]
    assert len(numbers["shortened"]["evaluate"]["left_out_ids"]) == 100


@pytest.mark.parametrize("content", [{"limit": 3, "other": 1}, [1]])
def test_long_texts_in_another_form_are_a_problem(tmp_path, content):
    folder = Builder(n=10, shortened={"finetune": content}).write(tmp_path / "study")
    (problem,) = read_study(folder).problems
    assert problem.startswith("shortened.json of cell")


def _printed(folder: Path, width: int = 100) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))
    console.print(terminal_table(folder, width))
    return console.export_text()


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.25, "4.2 s"), (59.0, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_words():
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c" and listed([]) == ""
    assert ranges([9, 1, 2, 3, 5, 6]) == "1\N{EN DASH}3, 5, 6 and 9"


def test_letters_tell_what_is_told_apart(planted):
    """Layer 7 of `count` is told from all others; of `colour` nothing is told apart, so that it needs no letters."""
    told = json.loads((planted / "report" / "report.json").read_text())["categories"]
    pairs = {frozenset((p["a"], p["b"])) for p in told["count"]["pairs"] if "better" in p["verdict"]}
    letters = told["count"]["letters"]
    apart = {frozenset((a, b)) for a in letters for b in letters if not set(letters[a]) & set(letters[b])}
    assert apart == pairs and letters["7"] == ["a"]
    assert list(told["colour"]["letters"].values()) == [["a"]] * 4
    text = page(planted)
    row = next(r for r in re.findall(r"<tr.*?</tr>", text[text.index('id="scores"') :], flags=re.S) if ">layer 7" in r)
    count, colour, _ = re.findall(r"<td><span.*?</td>", row, flags=re.S)
    assert "<sup>a</sup>" in count and "<sup>" not in colour
    assert "Comparisons that were not planned are exploration." in text


def test_the_terminal_has_the_letters_of_the_page(planted):
    told = json.loads((planted / "report" / "report.json").read_text())["categories"]["count"]["letters"]
    lines = _printed(planted).splitlines()
    assert "settings of a column that share a letter are not told apart" in lines
    rows = {line.split()[0]: line.split() for line in lines if line.split()[:1] and line.split()[0] in told}
    assert {setting: words[2] for setting, words in rows.items()} == {s: "".join(found) for s, found in told.items()}
    assert {len(words) for words in rows.values()} == {4}, "colour has none: nothing is told apart there"


def test_one_seed_has_no_letters(tmp_path):
    folder = Builder(curves={"count": CURVES["count"]}, seeds=(0,), n=20, analysis=False).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "<sup>" not in text and "share no letter" not in text and "are told apart" not in text
    assert json.loads((tmp_path / "out" / "report.json").read_text())["categories"]["count"]["letters"] == {}
    assert "share a letter" not in _printed(folder)


def test_where_nothing_is_told_apart_the_page_says_so(tmp_path):
    alike = {"colour": {2: 0.6, 7: 0.6, 11: 0.6, 12: 0.6}}
    folder = Builder(curves=alike, fusion_gain=None, n=60, analysis=False).write(tmp_path / "study")
    text = write_report(folder, tmp_path / "out").read_text()
    assert "<sup>" not in text and "No two settings of a column are told apart" in text
