"""What the report says of a study that trained fewer settings to the end."""

from dataclasses import dataclass

from shallowsight.report.findings import Findings
from shallowsight.report.halving import Halved, Standing
from shallowsight.report.probes import LEAST_LAYERS
from shallowsight.report.rank_correlation import in_words, rank_range, spearman
from shallowsight.report.words import count


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting: where it ended, and its scores in percent, one for each rung ("" where it was not trained)."""

    setting: str
    ended: str
    scores: tuple[str, ...]
    remark: str


def share(part: int) -> str:
    """What a rung is called."""
    return "the end" if part == 1 else f"1/{part}"


def sentences(halved: Halved, findings: Findings) -> list[str]:
    """What was trained, what the control says, and how the order of the first rung and that of the end agree."""
    trained = [f"{n} to {share(part)}" for n, part in zip(halved.counts, halved.parts, strict=False)]
    whole = len(halved.standings)
    return [
        "All settings were finetuned for a part of the updates, and only the better ones further: "
        f"{', '.join(trained)}. That is {halved.full_runs:.1f} whole finetunings in place of {whole}; every setting "
        "was pretrained. A score is the mean over seeds of all categories with equal weights, in percent. Settings "
        "that ended early are compared with no other one, but their planned comparisons count in the correction, as if "
        "they had been trained to the end and had shown nothing.",
        *_control(halved),
        *_agreement(halved, findings),
    ]


def rows(halved: Halved) -> list[Row]:
    """All settings; those that came furthest first, and of these the best."""
    return [_row(each, halved) for each in halved.standings]


def _row(standing: Standing, halved: Halved) -> Row:
    scores = (standing.scores.get(part) for part in halved.parts)
    kept = "kept whatever it scores" if standing.kept else ""
    return Row(
        setting=standing.member.label,
        ended=share(standing.member.part),
        scores=tuple("" if score is None else f"{100 * score:.1f}" for score in scores),
        remark="control, drawn by lot" if standing.member.setting == halved.control else kept,
    )


def _control(halved: Halved) -> list[str]:
    if halved.regret is None:
        return []
    gap = 100 * halved.regret
    label = next(each.member.label for each in halved.standings if each.member.setting == halved.control)
    less = f"{abs(gap):.1f} points {'more' if gap > 0 else 'less'} than the best of the others"
    regret = (
        "Halving dropped something better than what it kept, as far as these trainings show."
        if gap > 0
        else "So one of the dropped settings, taken at random, would not have been the best."
    )
    return [
        f"Control: {label} was drawn by lot from those that the first rung dropped, and trained to the end. It scores "
        f"{less}. {regret} It is one draw: it stands for the dropped settings on average, not for the best of them."
    ]


def _agreement(halved: Halved, findings: Findings) -> list[str]:
    """Of those settings alone that were trained to the end; most of them were chosen for their first score."""
    first = halved.parts[0]
    both = {e.member.setting: (e.scores[first], e.scores[1]) for e in halved.finished if first in e.scores}
    orders = [each[0] for each in both.values()], [each[1] for each in both.values()]
    if len(both) < LEAST_LAYERS or (found := spearman(*orders)) is None:
        return []
    rho, p = found
    whole = findings.overall or findings.categories[0]
    noise = whole.range_of_equals([setting for setting in both if setting in whole.scores])
    sure = rank_range(*orders, noise) if noise is not None else None
    words = " (whatever order those have that training noise does not tell apart)" if sure else ""
    return [
        f"Order after {share(first)} against order at the end, of {count(len(both), 'setting')}: rho "
        f"{in_words(rho, sure)}{words}, p {p:.2f} (the share of all orders that agree as well or better). So few "
        "settings, which were chosen for their scores, say little about all."
    ]
