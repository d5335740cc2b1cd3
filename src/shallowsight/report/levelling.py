"""Whether the trainings that a claim compares have levelled off.

A setting that learns more slowly scores less after an equal number of updates; that says nothing about its layers.
Every finetuning is therefore measured on questions that were held out of its training. A difference between two
settings counts only when the weaker one answers these as well as the stronger one, or falls behind and does not catch
up. (Both gain towards the end of a training, when the learning rate falls to zero: so the gap is watched.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.report.curves import LearningCurve
from shallowsight.report.values import Study
from shallowsight.study.counts import counted, is_or_are

ALIKE = 0.05  # two settings whose right answers differ by less have learnt the same; for losses, of the lower one
CATCHING_UP = 0.5  # of the gap: a weaker setting that made up for less in the second half of its training stays behind
STILL_GAINING = 0.5  # of the gap: a weaker setting that gained less in the last quarter of its training is near its end
GUESSING = 0.10  # above chance: a training that ends below this has not learnt the kind of question
FEW_RIGHT = 0.2  # right answers of the stronger setting, below which the losses are compared in place of answers
FEWEST = 20  # held-out questions of a kind
_NEAR = 0.1  # of the training, between a point and the share that it stands for
_HALF, _THREE_QUARTERS, _END = 0.5, 0.75, 1.0


@dataclass(frozen=True)
class Curves:
    """The learning curves of a study, and what they allow to claim."""

    study: Study
    found: Mapping[tuple[str, str], LearningCurve]  # category, setting
    chances: Mapping[str, float]  # of the categories where guessing is known

    def why_not(self, category: str, better: str, worse: str) -> str:
        """Why a difference may not be claimed; empty when nothing speaks against it."""
        if category == OVERALL and (left := self._unlearnt_somewhere(worse)):
            return left
        stronger, weaker = self.found.get((category, better)), self.found.get((category, worse))
        if stronger is None or weaker is None:
            return self._unmeasured(category, better, worse)
        name, other = self.study.member(worse).label, self.study.member(better).label
        if why := _uncertain(stronger) or _uncertain(weaker):
            return why
        if self.unlearnt(category, worse):
            return self._not_learnt(category, worse)
        return _closing(stronger, weaker, name, other)

    def unlearnt(self, category: str, setting: str) -> bool:
        """Whether a training of the setting ended little above guessing."""
        curve, chance = self.found.get((category, setting)), self.chances.get(category)
        return curve is not None and chance is not None and curve.lowest < chance + GUESSING

    @property
    def not_learnt(self) -> tuple[tuple[str, str], ...]:
        """Each category and setting of which a training ended little above guessing."""
        return tuple(key for key in self.found if self.unlearnt(*key))

    def _unlearnt_somewhere(self, setting: str) -> str:
        categories = [c for c, s in self.found if s == setting and c != OVERALL and self.unlearnt(c, s)]
        return self._not_learnt(categories[0], setting) if categories else ""

    def _not_learnt(self, category: str, setting: str) -> str:
        lowest, chance = self.found[category, setting].lowest, self.chances[category]
        return (
            f"a training of {self.study.member(setting).label} did not learn the questions of {category} "
            f"({100 * lowest:.0f} % right on held-out ones, guessing {100 * chance:.0f} %); that it cannot is not shown"
        )

    def _unmeasured(self, category: str, *settings: str) -> str:
        if all(t.learning for s in settings for t in self.study.member(s).done):
            return (
                f"no held-out training question has the kind of {category} (`tasks` of training records name kinds), "
                "so the difference may be a matter of training length"
            )
        return "not measured on held-out questions (data.held_out), so it may be a matter of training length"


def _uncertain(curve: LearningCurve) -> str:
    """Why the curve tells nothing, if it does not."""
    if curve.questions < FEWEST:
        asked = counted(curve.questions, "held-out question")
        return f"only {asked} {is_or_are(curve.questions)} of this kind, too few to see a training level off"
    if any(abs(curve.nearest(share) - share) > _NEAR for share in (_HALF, _THREE_QUARTERS, _END)):
        return "the training was too short to be measured in its middle"
    return ""


def _closing(stronger: LearningCurve, weaker: LearningCurve, name: str, other: str) -> str:
    """Why longer training may close the gap, if it may."""
    by_loss = stronger.at(_END) < FEW_RIGHT
    behind, before = (_gap(stronger, weaker, share, by_loss) for share in (_END, _HALF))
    if by_loss:
        last = weaker.loss_at(_THREE_QUARTERS) - weaker.loss_at(_END)
    else:
        last = weaker.at(_END) - weaker.at(_THREE_QUARTERS)
    alike = ALIKE * stronger.loss_at(_END) if by_loss else ALIKE
    if behind <= alike or (before - behind < CATCHING_UP * behind and last < STILL_GAINING * behind):
        return ""
    unit, factor, digits = ("nats of loss", 1.0, 2) if by_loss else ("points", 100.0, 0)
    return (
        f"on held-out training questions {name} was {factor * before:.{digits}f} {unit} behind {other} in the middle "
        f"of the training and is {factor * behind:.{digits}f} behind at its end; it gained {factor * last:.{digits}f} "
        "in the last quarter: longer training may close the gap"
    )


def _gap(stronger: LearningCurve, weaker: LearningCurve, share: float, by_loss: bool) -> float:
    if by_loss:
        return weaker.loss_at(share) - stronger.loss_at(share)
    return stronger.at(share) - weaker.at(share)
