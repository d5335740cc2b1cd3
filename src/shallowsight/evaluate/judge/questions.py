"""What is judged: an answer to a question with options, or to one with a true answer in free words."""

from collections.abc import Mapping
from dataclasses import dataclass

from shallowsight.evaluate.judge.decisions import RULE, Decision
from shallowsight.evaluate.judge.options import chosen_option
from shallowsight.evaluate.matching.answers import is_correct

AND, OR = "<AND>", "<OR>"  # MM-Vet's marks between the parts of a true answer


@dataclass(frozen=True)
class Choice:
    """An answer to a question with options: letter -> text. Which one is right plays no part."""

    question: str
    options: Mapping[str, str]
    answer: str

    def by_rule(self) -> Decision | None:
        """The option that the answer chooses beyond doubt; an empty answer chooses none."""
        if not self.answer.strip():
            return Decision(by=RULE)
        letter = chosen_option(self.answer, self.options)
        return Decision(by=RULE, letter=letter) if letter else None


@dataclass(frozen=True)
class Free:
    """An answer in free words, and the true one, whose parts <AND> and <OR> may join."""

    question: str
    truth: str
    answer: str

    def by_rule(self) -> Decision | None:
        """1 for an answer that says the true one, or one of several joined by <OR>; 0 for an empty one."""
        if not self.answer.strip():
            return Decision(by=RULE, score=0.0)
        said = AND not in self.truth and any(is_correct(self.answer, true) for true in self.truth.split(OR))
        return Decision(by=RULE, score=1.0) if said else None


Question = Choice | Free
