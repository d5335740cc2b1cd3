"""The HTML page of a comparison: prepares the values for the template, which only arranges them. All is escaped."""

from pathlib import Path
from typing import Any

from shallowsight import __version__
from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.compare.values import Compared, Difference, Side, Verdict
from shallowsight.report.compare.words import MARKS, RULE, headline, interval_of, points, questions_of, sentences
from shallowsight.study.counts import counted

TEMPLATE = "compare.html.j2"
_WIDE = 0.05  # the smallest half of the picture's scale, in accuracy
_CLASSES = {Verdict.BETTER: "better", Verdict.WORSE: "worse"}


def render(compared: Compared) -> str:
    """The text of the whole page, which needs no other file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scale = _scale(compared)
    return environment.get_template(TEMPLATE).render(
        version=__version__,
        headline=headline(compared),
        sentences=sentences(compared),
        sides=[("before", _facts(compared.before)), ("after", _facts(compared.after))],
        inputs=compared.inputs,
        groups=[
            (pair.label, [_row(d, scale) for d in compared.differences if d.pair is pair]) for pair in compared.pairs
        ],
        scale=points(scale),
        rule=RULE,
        questions=questions_of(compared),
        recommended=compared.recommended,
        notes=compared.notes,
    )


def _facts(side: Side) -> list[tuple[str, str]]:
    done = sum(len(m.done) for m in side.study.members)
    return [
        ("study", side.study.name),
        ("kept in", side.place),
        ("vision tower", f"{side.study.tower}, {side.depth} layers"),
        ("trained", f"{counted(done, 'model')}, {counted(len(side.study.members), 'setting')}"),
    ]


def _scale(compared: Compared) -> float:
    """The largest end of an interval: the picture of each difference goes from minus this to plus this."""
    ends = [abs(end) for d in compared.differences if d.interval for end in d.interval]
    gaps = [abs(d.gap) for d in compared.differences if d.gap is not None]
    # Intervals of a study with few seeds may be wider than all gaps by far; they are cut then.
    return max(_WIDE, min(max(ends, default=0.0), 3 * max(gaps, default=0.0)))


def _row(d: Difference, scale: float) -> dict[str, Any]:
    return {
        "category": d.category,
        "overall": d.category == OVERALL,
        "before": points(d.before),
        "after": points(d.after),
        "seeds": f"{d.seeds[0]} and {d.seeds[1]}",
        "gap": points(d.gap, signed=True),
        "interval": interval_of(d),
        "p": "" if d.p is None else f"p = {d.p:.2g}" if d.p >= 1e-4 else "p < 0.0001",
        "kind": _CLASSES.get(d.verdict, "same"),
        "sign": MARKS[d.verdict],
        "words": d.verdict.value,
        "why": d.why,
        "bar": _bar(d, scale),
    }


def _bar(d: Difference, scale: float) -> dict[str, float] | None:
    """Places in a picture that is 100 wide: the interval's ends and the gap; None where there is nothing to draw."""
    if d.gap is None or d.verdict is Verdict.SAME_MODEL:
        return None
    low, high = d.interval or (d.gap, d.gap)
    left, middle, right = (round(50 + 50 * min(1.0, max(-1.0, x / scale)), 1) for x in (low, d.gap, high))
    return {"left": left, "width": round(right - left, 1), "middle": middle}
