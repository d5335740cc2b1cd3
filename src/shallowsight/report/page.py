"""The HTML page: prepares the values for the template, which only arranges them. Autoescape is on for all values."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shallowsight import __version__
from shallowsight.evaluate.statistics import Comparison, Verdict
from shallowsight.report import figures
from shallowsight.report.findings import Category, Findings
from shallowsight.report.recommendation import Choice
from shallowsight.report.values import Cell, Member, Sample, Study
from shallowsight.report.words import caveats, depth, headline, lead, shortened

TEMPLATE = "template.html.j2"
MARKS = {  # CSS class of the mark, sign, words: the meaning must not depend on colour alone
    Verdict.A_BETTER: ("better", "\N{BLACK UP-POINTING TRIANGLE}", "better"),
    Verdict.B_BETTER: ("worse", "\N{BLACK DOWN-POINTING TRIANGLE}", "worse"),
    Verdict.NOT_DISTINGUISHABLE: ("same", "\N{ALMOST EQUAL TO}", "not distinguishable"),
    Verdict.ONE_SEED: ("same", "?", "one seed"),
}
LONGEST = 300  # characters of a model's answer that are shown


def render(study: Study, findings: Findings, choices: tuple[Choice, ...]) -> str:
    """The text of the whole page, which needs no other file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    analysis = study.analysis
    return environment.get_template(TEMPLATE).render(
        study=study,
        version=__version__,
        headline=headline(study, choices),
        lead=lead(study, choices),
        facts=_facts(study, findings),
        depth=depth(study),
        one_seed=all(c.floor is None for c in findings.categories),
        answers=[_answer(study, c) for c in choices],
        # The figures are made from numbers and escaped names, and are the only text that is not escaped again.
        curves=[(c.name, Markup(figures.curve_svg(study, c))) for c in findings.categories],
        maps=[(n, Markup(figures.similarity_svg(analysis, n, m))) for n, m in figures.maps(analysis)]
        if analysis
        else [],
        boundaries=analysis.boundaries if analysis else (),
        fusions=[_fusion(c) for c in choices if c.fusion],
        categories=[c.name for c in findings.categories],
        scores=[_row(m, findings, study) for m in study.members],
        sizes=[_size(c) for c in findings.categories],
        shortened=shortened(study),
        holes=[(m, t) for m in study.members for t in m.trials if not t.done],
        steps=_steps(study.cells),
        cells=sorted(study.cells, key=lambda c: -c.seconds),
        total=sum(c.seconds for c in study.cells),
        samples=[(c.category.name, rows) for c in choices if (rows := _samples(c))],
        caveats=caveats(study, findings),
        problems=findings.problems,
        digests=[(m, t) for m in study.members for t in m.trials],
        raw=json.dumps(study.raw, indent=2, ensure_ascii=False),
        data=study.data,
        duration=duration,
    )


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def verdict_chip(c: Comparison | None) -> dict[str, str] | None:
    """A comparison for readers: gap in points, interval, mark."""
    if c is None:
        return None
    kind, sign, words = MARKS[c.verdict]
    minus = "\N{MINUS SIGN}"
    low, high = (f"{100 * x:+.1f}".replace("-", minus) for x in (c.low, c.high))
    return {
        "gap": f"{100 * c.gap:+.1f}".replace("-", minus),
        "interval": f"{low} to {high}",
        "kind": kind,
        "sign": sign,
        "words": words,
        "p": ("images only, " if c.p_training is None else "") + (f"p = {c.p:.2g}" if c.p >= 1e-4 else "p < 0.0001"),
    }


def _facts(study: Study, findings: Findings) -> list[tuple[str, str]]:
    trials = [t for m in study.members for t in m.trials]
    done = sum(t.done for t in trials)
    many = "" if len(study.seeds) == 1 else "s"
    facts = [
        ("vision tower", f"{study.tower}, {depth(study)} layers"),
        ("models", f"{len(study.members)} settings \N{MULTIPLICATION SIGN} {len(study.seeds)} seed{many}"),
    ]
    if done < len(trials):
        facts.append(("finished", f"{done} of {len(trials)} models"))
    if sizes := sorted({s.n for c in findings.categories for s in c.scores.values()}):
        asked = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
        facts.append(("questions", f"{asked} per category"))
    floors = [100 * c.floor.sd for c in findings.categories if c.floor]
    if floors:
        low, high = f"{min(floors):.1f}", f"{max(floors):.1f}"
        facts.append(("seed noise (sd)", f"{low} points" if low == high else f"{low} to {high} points"))
    facts.append(("compute", duration(sum(c.seconds for c in study.cells))))
    return facts


def _answer(study: Study, c: Choice) -> dict[str, Any]:
    layer = c.best.layers[0] if c.best else None
    groups = study.analysis.groups if study.analysis else ()
    tested = {m.layers[0] for m in study.members if m.single and m.setting in c.category.scores}
    equals = {m.layers[0] for m in c.equals}
    kinds = {i: "tested" for i in tested} | {i: "equal" for i in equals} | ({layer: "best"} if layer else {})
    fused = verdict_chip(c.fusion_against_best)
    return {
        "name": c.category.name,
        "layer": layer,
        "group": next((g.name for g in groups if layer in g.layers), ""),
        "strip": [(i, kinds.get(i, "untested")) for i in range(1, depth(study) + 1)],
        "accuracy": f"{100 * c.score.accuracy:.1f}" if c.score else "",
        "chance": c.above_chance,
        "evidence": c.evidence,
        "against": [
            {"same": a.same, "text": a.text, "chip": verdict_chip(a.comparison)} for a in (c.last, c.penultimate)
        ],
        "fusion": fused,
    }


def _fusion(c: Choice) -> dict[str, Any]:
    assert c.fusion is not None and c.fusion_score is not None
    return {
        "name": c.category.name,
        "label": c.fusion.label,
        "accuracy": f"{100 * c.fusion_score.accuracy:.1f}",
        "best": c.best.label if c.best else "",
        "against": [verdict_chip(c.fusion_against_best), verdict_chip(c.fusion_against_penultimate)],
    }


def _row(member: Member, findings: Findings, study: Study) -> dict[str, Any]:
    cells = []
    for category in findings.categories:
        score, top = category.scores.get(member.setting), category.best(study.members)
        mark = ""
        if score and top and score.setting != top.setting:
            against = category.compare(top.setting, member.setting)
            mark = "\N{ALMOST EQUAL TO}" if against and against.verdict is not Verdict.A_BETTER else ""
        cells.append(
            {
                "mean": f"{100 * score.accuracy:.1f}" if score else "",
                "sd": f"{100 * score.sd:.1f}" if score and score.sd is not None else "",
                "best": bool(score and top and score.setting == top.setting),
                "mark": mark,
            }
        )
    return {"member": member, "cells": cells, "done": len(member.done), "seeds": len(member.trials)}


def _size(category: Category) -> str:
    sizes = {s.n for s in category.scores.values()}
    return f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)}\N{EN DASH}{max(sizes)}"


def _steps(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    seconds: dict[str, list[float]] = {}
    for cell in cells:
        seconds.setdefault(cell.step, []).append(cell.seconds)
    total = sum(map(sum, seconds.values())) or 1.0
    return [{"step": s, "cells": len(v), "seconds": sum(v), "share": sum(v) / total} for s, v in seconds.items()]


def _samples(c: Choice) -> list[dict[str, Any]]:
    """A question that the best layer answers right (and the last wrong, if possible), and one it answers wrong."""
    if c.best is None:
        return []
    mine = [s for s in c.best.done[0].samples if s.category == c.category.name]
    other = {} if c.last.same or c.last.member is None else _by_question(c.last.member, c.category.name)
    right = sorted((s for s in mine if s.correct), key=lambda s: _right(other, s))[:1]
    wrong = [s for s in mine if not s.correct][:1]
    rows = []
    for s in right + wrong:
        last = other.get((s.benchmark, s.id))
        answers = [(c.best.label, s.prediction[:LONGEST], bool(s.correct))]
        answers += [("last layer", last.prediction[:LONGEST], bool(last.correct))] if last else []
        rows.append({"question": s.question[:LONGEST], "target": s.target[:LONGEST], "id": s.id, "answers": answers})
    return rows


def _by_question(member: Member, category: str) -> dict[tuple[str, str], Sample]:
    return {(s.benchmark, s.id): s for t in member.done[:1] for s in t.samples if s.category == category}


def _right(other: Mapping[tuple[str, str], Sample], s: Sample) -> int:
    found = other.get((s.benchmark, s.id))
    return found.correct if found else 1
