"""The comparison as Markdown, for Kubeflow's interface and for a pull request."""

from collections.abc import Iterator, Sequence

from shallowsight.report.compare.values import Compared
from shallowsight.report.compare.words import RULE, headline, interval_of, points, questions_of, sentences, verdict_of

_ESCAPED = "\\`*_[]<>|#~"  # would be formatting, a link or HTML


def markdown(compared: Compared) -> str:
    """The whole text; every text of a study is escaped."""
    return "\n".join(_lines(compared)) + "\n"


def escaped(text: str) -> str:
    """The text as plain words in one line of Markdown."""
    return "".join(f"\\{c}" if c in _ESCAPED else c for c in " ".join(text.split()))


def _lines(compared: Compared) -> Iterator[str]:
    yield f"# {escaped(headline(compared))}"
    yield ""
    yield f"From {escaped(compared.before.place)} to {escaped(compared.after.place)}."
    for sentence in sentences(compared):
        yield ""
        yield escaped(sentence)
    yield from _table(
        "Differences in accuracy, in points",
        ("setting", "category", "before", "after", "difference", "95 %", "verdict"),
        [
            (
                d.pair.label,
                d.category,
                points(d.before),
                points(d.after),
                points(d.gap, signed=True),
                interval_of(d),
                verdict_of(d) + (f": {d.why}" if d.why else ""),
            )
            for d in compared.differences
        ],
    )
    yield ""
    yield escaped(RULE)
    yield from _table("Questions", ("categories", "what is compared"), questions_of(compared))
    changed = [(c.what, c.before, c.after) for c in compared.inputs]
    yield from _table("What the inputs differ in", ("what", "before", "after"), changed)
    if not changed:
        yield from ("", "The inputs are the same.")
    recommended = [
        (r.category, r.before, r.after, "" if not r.changed else "supported" if r.supported else "not supported")
        for r in compared.recommended
    ]
    yield from _table("Recommended layer", ("category", "before", "after", "the change is"), recommended)
    for note in compared.notes:
        yield from ("", f"- {escaped(note)}")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head))
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"
