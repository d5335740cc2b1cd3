"""The HTML page: prepares the values for the template, which only arranges them. Autoescape is on for all values."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shallowsight import __version__
from shallowsight.evaluate.statistics.family import OVERALL, Verdict
from shallowsight.evaluate.statistics.letters import written
from shallowsight.report import early_stop, figures, halving_words, learning, map_figure, probe_figure
from shallowsight.report.caveats import caveats
from shallowsight.report.chips import against_all_chip, verdict_chip
from shallowsight.report.choice import RULE, Choice, above_chance
from shallowsight.report.claims.section import claims_section
from shallowsight.report.exported import exported
from shallowsight.report.findings import Findings
from shallowsight.report.group_words import group_sentences, real_groups
from shallowsight.report.halving import halved
from shallowsight.report.layer_map import layer_map
from shallowsight.report.lettering import Lettering, lettering
from shallowsight.report.pareto import pareto
from shallowsight.report.pareto_figure import pareto_svg, pareto_width
from shallowsight.report.pareto_page import pareto_section
from shallowsight.report.probes import agreements, notes, sentence
from shallowsight.report.public_page import public_section
from shallowsight.report.recommendation import features
from shallowsight.report.scores import Category
from shallowsight.report.settings_figure import settings_svg, wanted
from shallowsight.report.values import Cell, Member, Sample, Study
from shallowsight.report.ways import by_kind, name_of_others
from shallowsight.report.words import depth, headline, lead, shortened
from shallowsight.study.counts import counted

TEMPLATE = "template.html.j2"
SMALL = 0.05  # the largest "no worse by" that is worth a sentence
PIXELS = 96  # of the page, for an inch of a figure
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
    analysis, mapped, costs = study.analysis, layer_map(study, findings), pareto(study, findings)
    letters = lettering(findings)
    ended = halved(study)
    return environment.get_template(TEMPLATE).render(
        study=study,
        version=__version__,
        headline=headline(study, findings, choices),
        lead=lead(study, findings, choices),
        facts=_facts(study, findings),
        depth=depth(study),
        noise_known=findings.noise_known,
        rule=RULE,
        features=features(study),
        exported=exported(study, choices),
        answers=[_answer(study, c) for c in choices],
        # The figures are made from numbers and escaped names, and are the only text that is not escaped again.
        curves=[(c.name, Markup(figures.curve_svg(study, c))) for c in findings.every],
        learning=[(name, Markup(drawn)) for name, drawn in learning.learning_svgs(study, findings)],
        probes=[(a.category, Markup(probe_figure.probes_svg(a)), sentence(a)) for a in agreements(study, findings)],
        probe_notes=notes(study.probes) if study.probes else [],
        halved=["at the end" if part == 1 else f"after {halving_words.share(part)}" for part in ended.parts]
        if ended
        else [],
        halving=halving_words.sentences(ended, findings) if ended else [],
        stopped=early_stop.sentences(study),
        standings=halving_words.rows(ended) if ended else [],
        refused=[f"{c.category.name}, {why}" for c in choices for why in c.refused],
        no_worse=_no_worse(choices),
        exploration=_exploration(study, findings),
        maps=[(n, Markup(figures.similarity_svg(analysis, n, m))) for n, m in figures.maps(analysis)]
        if analysis
        else [],
        groups=group_sentences(analysis) if analysis else [],
        grouped=bool(real_groups(analysis)),
        map=Markup(map_figure.map_svg(mapped)) if mapped else "",
        map_width=PIXELS * map_figure.map_width(mapped) if mapped else 0,
        pareto=pareto_section(study, costs)
        | {"drawn": Markup(pareto_svg(costs)), "width": PIXELS * pareto_width(costs)}
        if costs
        else None,
        public=public_section(study, findings),
        settings=Markup(settings_svg(study, findings)) if wanted(study, findings) else "",
        others=name_of_others(study.members),
        fusions=[_fusion(c) for c in choices if c.fusion],
        categories=[c.name for c in findings.every],
        scores=[(title, [_row(m, findings, study, letters) for m in members]) for title, members in by_kind(study)],
        tokens=len({m.image_tokens for m in study.members}) > 1,
        sizes=[_size(c) for c in findings.every],
        shortened=shortened(study),
        claims=claims_section(study, findings),
        holes=[(m, t) for m in (*study.members, *study.ended) for t in m.trials if not t.done and t.screened is None],
        steps=_steps(study.cells),
        cells=sorted(study.cells, key=lambda c: -c.seconds),
        total=sum(c.seconds for c in study.cells),
        samples=[(c.category.name, rows) for c in choices if (rows := _samples(c, study))],
        caveats=caveats(study, findings),
        judged=letters.judged,
        lettered=letters.any,
        not_run=list(study.not_run.items()),
        problems=findings.problems,
        digests=[(m, t) for m in (*study.members, *study.ended) for t in m.trials],
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


def _facts(study: Study, findings: Findings) -> list[tuple[str, str]]:
    trials = [t for m in study.members for t in m.trials]
    done = sum(t.done for t in trials)
    seeds = {len(m.trials) for m in study.members} or {len(study.seeds)}  # unequal when seeds were added to some
    many = f"{min(seeds)} to {max(seeds)} seeds" if len(seeds) > 1 else f"{max(seeds)} seed{'s' * (max(seeds) != 1)}"
    facts = [
        ("vision tower", f"{study.tower}, {depth(study)} layers"),
        ("models", f"{counted(len(study.members), 'setting')} \N{MULTIPLICATION SIGN} {many}"),
    ]
    if done < len(trials):
        facts.append(("finished", f"{done} of {counted(len(trials), 'model')}"))
    if sizes := sorted({s.n for c in findings.categories for s in c.scores.values()}):
        asked = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
        facts.append(("questions", f"{asked} per category"))
    spreads = [100 * s.sd for c in findings.categories for s in c.scores.values() if s.sd is not None]
    if spreads:
        low, high = f"{min(spreads):.1f}", f"{max(spreads):.1f}"
        facts.append(("sd between seeds", f"{low} points" if low == high else f"{low} to {high} points"))
    facts.append(("compute", duration(sum(c.seconds for c in study.cells))))
    return facts


def _answer(study: Study, c: Choice) -> dict[str, Any]:
    layer = c.chosen.layers[0] if c.chosen else None
    tested = {m.layers[0] for m in study.members if m.single and m.setting in c.category.scores}
    equals = {m.layers[0] for m in c.equals}
    kinds = {i: "tested" for i in tested} | {i: "equal" for i in equals} | ({layer: "best"} if layer else {})
    return {
        "name": c.category.name,
        "overall": c.category.name == OVERALL,
        "layer": layer,
        "group": next((g.name for g in real_groups(study.analysis) if layer in g.layers), ""),
        "strip": [(i, kinds.get(i, "untested")) for i in range(1, depth(study) + 1)],
        "chance": c.chosen is None or c.chosen.setting not in c.category.scores or above_chance(c.category, c.chosen),
        "evidence": c.evidence,
        "highest": c.highest.layers[0] if c.highest else None,
        "accuracy": f"{100 * c.score.accuracy:.1f}" if c.score else "",
        "picked": f"{100 * c.picked_score:.1f}" if c.picked_score is not None else "",
        "against": verdict_chip(c.highest_against_usual),
        "usual": c.usual.layers[0] if c.usual else None,
    }


def _no_worse(choices: Iterable[Choice]) -> str:
    """For each category the shallowest layer that is little worse than the usual choice, or better."""
    found = []
    for c in choices:
        small = sorted((n.member.layers[0], n.points) for n in c.no_worse if n.points <= SMALL)
        found += [f"{c.category.name} layer {layer} {100 * points:.1f}" for layer, points in small[:1]]
    return ", ".join(found)


def _fusion(c: Choice) -> dict[str, Any]:
    assert c.fusion is not None and c.fusion_score is not None
    return {
        "name": c.category.name,
        "label": c.fusion.label,
        "accuracy": f"{100 * c.fusion_score.accuracy:.1f}",
        "against": [against_all_chip(c.fusion_against_best), verdict_chip(c.fusion_against_usual)],
    }


def _row(member: Member, findings: Findings, study: Study, letters: Lettering) -> dict[str, Any]:
    cells = []
    for category in findings.every:
        score, top = category.scores.get(member.setting), category.best(study.members)
        cells.append(
            {
                "mean": f"{100 * score.accuracy:.1f}" if score else "",
                "sd": f"{100 * score.sd:.1f}" if score and score.sd is not None else "",
                "best": bool(score and top and score.setting == top.setting),
                "letters": written(letters.of(category.name, member.setting)),
                "mark": "\N{ALMOST EQUAL TO}" if _as_good(category, member) else "",
            }
        )
    return {"member": member, "cells": cells, "done": len(member.done), "seeds": len(member.trials)}


def _as_good(category: Category, member: Member) -> bool:
    return member.setting in category.judgement.best.get(category.name, ())


def _exploration(study: Study, findings: Findings) -> list[dict[str, Any]]:
    """The pairs that were not planned and differ after the correction for all such pairs."""
    if findings.judgement is None:
        return []
    return [
        {"category": category, "a": study.member(a).label, "b": study.member(b).label, "chip": verdict_chip(c)}
        for (category, a, b), c in findings.judgement.pairs.items()
        if not c.planned and c.verdict in (Verdict.A_BETTER, Verdict.B_BETTER)
    ]


def _size(category: Category) -> str:
    sizes = {s.n for s in category.scores.values()}
    return f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)}\N{EN DASH}{max(sizes)}"


def _steps(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    seconds: dict[str, list[float]] = {}
    for cell in cells:
        seconds.setdefault(cell.step, []).append(cell.seconds)
    total = sum(map(sum, seconds.values())) or 1.0
    return [{"step": s, "cells": len(v), "seconds": sum(v), "share": sum(v) / total} for s, v in seconds.items()]


def _samples(c: Choice, study: Study) -> list[dict[str, Any]]:
    """A question that the highest layer answers right (and the last wrong, if possible), and one it answers wrong."""
    if c.highest is None:
        return []
    last = study.role("last")
    mine = [s for s in c.highest.done[0].samples if s.category == c.category.name]
    other = {} if last is None or last is c.highest else _by_question(last, c.category.name)
    right = sorted((s for s in mine if s.correct == 1), key=lambda s: _right(other, s))[:1]
    wrong = [s for s in mine if s.correct < 1][:1]
    rows = []
    for s in right + wrong:
        found = other.get((s.benchmark, s.id))
        answers = [(c.highest.label, s.prediction[:LONGEST], s.correct == 1)]
        answers += [("last layer", found.prediction[:LONGEST], found.correct == 1)] if found else []
        rows.append({"question": s.question[:LONGEST], "target": s.target[:LONGEST], "id": s.id, "answers": answers})
    return rows


def _by_question(member: Member, category: str) -> dict[tuple[str, str], Sample]:
    return {(s.benchmark, s.id): s for t in member.done[:1] for s in t.samples if s.category == category}


def _right(other: Mapping[tuple[str, str], Sample], s: Sample) -> float:
    found = other.get((s.benchmark, s.id))
    return found.correct if found else 1
