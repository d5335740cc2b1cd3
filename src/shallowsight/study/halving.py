"""Successive halving: all settings are trained for a short while, and only the better ones go on to longer trainings.

A rung is a length of the finetuning. With eta=3 and three rungs all settings are finetuned for the ninth part of the
updates, a third of them for the third part, and a ninth of them to the end. A setting that goes on continues from the
state that its shorter training left, so that its longer training is the one that it would have been without halving.

This module says who goes on. It knows neither stores nor trainings.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from shallowsight.study.fields import Count, Names, Part, Seed
from shallowsight.study.settings import Setting

WORD = "SETTING=PART, such as 9=3 or 3,8:concat=1"


class Halving(Part):
    """Whether and how a study trains fewer settings to the end. `promoted` and `control` say how far it has come."""

    eta: Count = 0  # a rung is so many times longer than the one before it; 0: every setting is trained to the end
    rungs: Annotated[int, Field(ge=2, le=6)] = 3
    representatives: bool = True  # of the groups of layers: kept to the end, whatever they score
    seed: Seed = 0  # of the draw of the control
    promoted: Names = ()  # `SETTING=PART`: which settings went on, and to which rung
    control: Annotated[str, BeforeValidator(str)] = (
        ""  # one of those that the first rung would have ended, drawn by lot, which goes on to the end
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.eta == 1:
            raise ValueError("eta=1: each rung must be longer than the one before it; write 2 or more, or 0 for none")
        names = [setting for setting, _ in map(_promoted, self.promoted)]
        if len(set(names)) != len(names):
            raise ValueError(f"promoted: name each setting once; got {' '.join(self.promoted)}")
        for setting, part in map(_promoted, self.promoted):
            if part not in self.parts[1:]:
                raise ValueError(
                    f"promoted: {setting}={part}: the rungs after the first one end after the parts "
                    f"{', '.join(f'1/{each}' for each in self.parts[1:]) or 'of no halving, which is off'}"
                )
        return self

    @property
    def parts(self) -> tuple[int, ...]:
        """Of each rung: 9 for a ninth of the updates. The last one is 1; without halving it is the only one."""
        return tuple(self.eta**rung for rung in reversed(range(self.rungs))) if self.eta else (1,)

    def part_of(self, setting: Setting | str) -> int:
        """The part of the updates after which a setting ends, as far as the study has come."""
        return self.reached.get(str(setting), self.parts[0])

    @property
    def reached(self) -> dict[str, int]:
        """`promoted` by setting."""
        return dict(map(_promoted, self.promoted))

    def trained_before(self, part: int) -> int | None:
        """The part that a training of this part goes on from; None for the first rung."""
        place = self.parts.index(part)
        return self.parts[place - 1] if place else None

    def places(self, settings: int, part: int) -> int:
        """How many of a study's settings are trained for this part; more where more are always kept."""
        return max(1, (2 * settings * part + self.parts[0]) // (2 * self.parts[0]))  # rounded


@dataclass(frozen=True)
class Promotion:
    """Who goes on to the next rung."""

    going_on: tuple[str, ...]  # in the order of the study
    control: str  # "": nothing was dropped, so there is none


def promote(
    scores: Mapping[str, float], places: int, kept: Collection[str], control: str = "", seed: int = 0
) -> Promotion:
    """Decide who goes on after a rung.

    Those that are kept and the control go on in any case, and the setting with the highest score. The best of the
    others take the places that are left; of equal scores the one that the study names first.

    Args:
        scores: of every setting at this rung, in the order of the study.
        control: the control that an earlier rung drew; empty: one is drawn from those that this rung drops.
    """
    best_first = sorted(scores, key=lambda setting: -scores[setting])  # sorted() keeps the order of equal scores
    going = {setting for setting in scores if setting in kept or setting == control} | {*best_first[:1]}
    left_for_best = places - len(going) - (not control)
    others = [setting for setting in best_first if setting not in going]
    going |= {*others[: max(0, left_for_best)]}
    dropped = [setting for setting in scores if setting not in going]
    if not control and dropped:
        control = dropped[int(Random(seed).random() * len(dropped))]
    return Promotion(tuple(s for s in scores if s in going or s == control), control)


def full_runs(counts: Sequence[int], parts: Sequence[int], decay: float, *, resumed: bool = True) -> float:
    """The cost of all finetunings in whole ones: `counts` settings reach each rung, `parts` as Halving has them.

    A setting that goes on repeats the decay of its shorter training, `decay` of that one's updates, at the constant
    rate; with `resumed=False` it repeats all of it.
    """
    total = 0.0
    before = 0.0
    for count, part in zip(counts, parts, strict=True):
        total += count * (1 / part - before)
        before = (1 - decay) / part if resumed else 0.0
    return total


def expected_counts(halving: Halving, settings: int, kept: int) -> tuple[int, ...]:
    """The most settings that reach each rung, of a study with so many settings of which `kept` are always kept."""
    counts = [settings]
    for part in halving.parts[1:]:
        # The control, and the best setting where it is none of those that are kept.
        counts.append(min(counts[-1], max(halving.places(settings, part), kept + 2)))
    return tuple(counts)


def _promoted(word: str) -> tuple[str, int]:
    text, _, part = word.rpartition("=")
    try:
        return str(Setting.parse(text)), int(part)
    except ValueError:
        raise ValueError(f"promoted: write {WORD}, got {word!r}") from None
