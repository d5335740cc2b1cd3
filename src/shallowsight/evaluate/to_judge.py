"""An answer that no rule decides, as its row keeps it for a judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shallowsight.evaluate.judge.decisions import Decision
from shallowsight.evaluate.judge.questions import Choice, Free, Question

JUDGED = "to_judge"  # key of an undecided row: the answers that a judge is asked about; all of them must be right


@dataclass(frozen=True)
class ToJudge:
    """What a judge is asked, and what is right: a letter where there are options."""

    question: str
    answer: str
    target: str
    options: Mapping[str, str] = field(default_factory=dict)  # letter -> text

    @property
    def question_of(self) -> Question:
        if self.options:
            return Choice(self.question, self.options, self.answer)
        return Free(self.question, self.target, self.answer)

    def score(self, decision: Decision) -> float | None:
        """From 0 to 1; None where nothing was decided."""
        if decision.by is None:
            return None
        if decision.score is not None:
            return decision.score
        return float(decision.letter is not None and decision.letter == self.target)
