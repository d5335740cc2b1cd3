"""What a person reads about a look at a study that may get more seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not imported at run time: it needs numpy
    from shallowsight.report.looks import Look


def look_line(look: "Look") -> str:
    """`look 1 of 3, judged at p < 0.017: undecided are 6 in count, ocr; seed 2 goes to 6, 11`."""
    begin = f"look {look.number} of {look.of}, judged at p < {look.level:.2g}: "
    if not look.pairs:
        return begin + "no planned contrast is undecided, so no seed is added"
    begin += f"undecided are {'; '.join(_undecided(look))}; "
    if look.seed is None:
        return begin + "no seed is left"
    return begin + f"seed {look.seed} goes to {', '.join(look.settings)}"


def _undecided(look: "Look") -> Sequence[str]:
    categories = {s: sorted({category for category, a, _ in look.pairs if a == s}) for s in look.settings}
    return [f"{setting} in {', '.join(names)}" for setting, names in categories.items() if names]
