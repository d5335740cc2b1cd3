"""What the page says about the groups of a tower's layers."""

from shallowsight.report.group_evidence import Border
from shallowsight.report.values import Analysis, Group
from shallowsight.report.words import listed


def real_groups(analysis: Analysis | None) -> tuple[Group, ...]:
    """The groups; none where all layers are one."""
    return analysis.groups if analysis is not None and len(analysis.groups) > 1 else ()


def group_sentences(analysis: Analysis) -> list[str]:
    """Whether there are groups, where they end, and how sure that is."""
    found, evidence = real_groups(analysis), analysis.evidence
    if not found:
        return [_none(analysis)]
    names = [_named(group) for group in found]
    sentences = [f"The groups, framed in white: {listed(names)}."]
    if evidence is None:
        sentences += [
            f"Of resamples of the pictures, {_percent(stability)} put a border after layer {after}."
            for after, stability in analysis.boundaries
        ]
        return sentences
    return [*sentences, *(_border(border) for border in evidence.borders)]


def _none(analysis: Analysis) -> str:
    evidence = analysis.evidence
    if evidence is None:
        return "The analysis found no groups."
    if evidence.p is None:
        return "No groups: the tower has too few layers for a test of groups."
    if evidence.p <= evidence.error_rate:
        return (
            f"No groups: the steps from layer to layer change along the depth (p = {evidence.p:.2g}), but not twofold."
        )
    return (
        f"No groups: the steps from layer to layer are as even as in a tower without groups (p = {evidence.p:.2g}). "
        "Where a study asks for groups, layers that are evenly spread over the depth stand for them."
    )


def _border(border: Border) -> str:
    what = {
        "jump": f"the step after layer {border.after} is {border.factor:.1f} times the pace around it",
        "pace": f"from layer {border.after} on the steps change {border.factor:.1f} times",
    }[border.kind]
    also = f"; also in {listed(border.also_in)}" if border.also_in else "; in no other measure or part of the pictures"
    halves = f"{_percent(border.stability)} of random halves of the pictures have this border"
    return f"{what[0].upper()}{what[1:]} (p = {border.p:.2g}); {halves}{also}."


def _named(group: Group) -> str:
    represented = f" (represented by layer {group.representative})" if group.representative else ""
    return f"{group.name} {group.layers[0]}\N{EN DASH}{group.layers[-1]}{represented}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
