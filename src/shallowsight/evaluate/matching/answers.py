"""Whether an answer is right."""

from shallowsight.evaluate.matching import number, option, yes_no
from shallowsight.evaluate.matching.texts import bare, same_text, without_it_is, without_lead


def is_correct(prediction: str, target: str) -> bool:
    """Whether the prediction says the true answer, by the rule for the true answer's form; an empty one never does."""
    if same_text(prediction, target):
        return True
    said, true = bare(without_lead(bare(prediction))), bare(target)
    if (letter := option.of(true)) is not None:  # "it is a" is the beginning of a sentence, not option A
        return option.said(said) == letter
    said = without_it_is(said)
    if (word := yes_no.of(true)) is not None:
        return yes_no.said(said) == word
    if (value := number.of(true)) is not None:
        return number.said(said) == value
    return same_text(said, target)
