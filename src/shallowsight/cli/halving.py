"""What a person reads about a study that trains fewer settings to the end."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shallowsight.study.halving import expected_counts, full_runs
from shallowsight.study.layers import Group, evenly_spread
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

if TYPE_CHECKING:  # not imported at run time: it needs numpy
    from shallowsight.report.halving import Rung


def forecast_line(resolved: Resolved, settings: Sequence[Setting], groups: Sequence[Group]) -> str:
    """How many settings go how far, and what that costs: at most, since the best may be one that is kept in any case.

    Without `groups`, which the analysis finds, thirds of the tower take their place, as in the rest of the forecast.
    """
    halving, depth, count = resolved.study.halving, resolved.tower.depth, len(settings)
    found = [group.representative for group in groups] or evenly_spread(depth)
    always = {depth - 1, *(found if halving.representatives else ())}
    kept = sum(s.fusion == "single" and s.connector is None and s.layers.deepest in always for s in settings)
    counts = expected_counts(halving, count, kept)
    first, *later = zip(counts, halving.parts, strict=True)
    cost = full_runs(counts, halving.parts, resolved.base.finetune.decay)
    then = "".join(f", at most {n} for {share(part)}" for n, part in later)
    more = "; that saves nothing: halving.eta=0 trains each once" if cost >= count else ""
    return (
        f"halving: {first[0]} settings for {share(first[1])}{then}: at most {cost:.1f} whole finetunings instead of "
        f"{count}; all {count} are pretrained{more}"
    )


def rung_line(rung: "Rung") -> str:
    """`after 1/9 of the updates: 11 (82.1 %), 2 (60.3 %) go on to ...; control, drawn by lot: 2; ended: 1, 12`."""
    best_first = sorted(rung.going_on, key=lambda setting: -rung.scores[setting])
    going = ", ".join(f"{setting} ({100 * rung.scores[setting]:.1f} %)" for setting in best_first)
    control = f"; control, drawn by lot: {rung.control}" if rung.control else ""
    ended = f"; ended: {', '.join(rung.dropped)}" if rung.dropped else "; none ended"
    return f"after {share(rung.part)}: {going} go on to {share(rung.next_part)}{control}{ended}"


def promotion_words(rung: "Rung") -> list[str]:
    """The words of `--set` that let these settings go on."""
    control = [f"halving.control={rung.control}"] if rung.control else []
    return [f"halving.promoted={' '.join(rung.promoted)}", *control]


def share(part: int) -> str:
    """What a part of the updates is called."""
    return "all updates" if part == 1 else f"1/{part} of the updates"
