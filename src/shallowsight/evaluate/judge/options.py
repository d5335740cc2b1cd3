"""Which option an answer to a multiple-choice question chooses, or None where that is not beyond doubt."""

import re
from collections.abc import Mapping

from shallowsight.evaluate.judge.markup import without_markup
from shallowsight.evaluate.judge.statements import doubtful, letters_in, sentences, stated
from shallowsight.evaluate.matching import option
from shallowsight.evaluate.matching.answers import is_correct
from shallowsight.evaluate.matching.texts import bare, same_text, without_it_is, without_lead


def chosen_option(answer: str, options: Mapping[str, str]) -> str | None:
    """The capital letter of the option that an answer chooses, or None: a judge may know.

    Where `evaluate.matching` finds a letter, it is this letter, or None when the answer says another option's text.

    Args:
        answer: what the model said.
        options: letter -> text of the option, which may be empty.
    """
    texts = {letter.upper(): text.strip() for letter, text in options.items()}
    plain = without_markup(answer)
    if (letter := _marked(answer)) is not None:
        return _unless_denied(letter, answer, texts)
    for form in dict.fromkeys((answer, plain)):
        if (letter := _by_text(form, texts)) is not None:
            return letter
    if (letter := _marked(plain)) is not None and not doubtful(plain):
        return _unless_denied(letter, plain, texts)
    return _stated(plain, texts)


def _marked(text: str) -> str | None:
    """The letter that matching finds, whether or not there is such an option."""
    letter = option.said(bare(without_lead(bare(text))))
    return letter.upper() if letter else None


def _stated(text: str, texts: Mapping[str, str]) -> str | None:
    found = stated(text, texts)
    if found is None:
        return None
    letter, around = found
    others = {_marked(sentence) or _by_text(sentence, texts) for sentence in sentences(text)} - {letter, None}
    return None if others else _unless_denied(letter, around, texts)


def _unless_denied(letter: str, text: str, texts: Mapping[str, str]) -> str | None:
    """The letter, unless there is no such option, or the text names other options by their texts and not this one."""
    if letter not in texts:
        return None
    named = _named_by_text(text, texts)
    return letter if not named or letter in named else None


def _by_text(answer: str, texts: Mapping[str, str]) -> str | None:
    """The option whose text is the whole answer, possibly after its own letter."""
    found = [letter for letter, text in texts.items() if text and _says(answer, letter, text)]
    if not found:
        alike = {letter for letter, text in texts.items() if text and is_correct(answer, text)}
        others = letters_in(answer, texts) - alike
        found = [] if others or _named_by_text(answer, texts) - alike else sorted(alike)
    return found[0] if len(found) == 1 else None


def _says(answer: str, letter: str, text: str) -> bool:
    said = bare(without_it_is(without_lead(bare(answer))))
    marked = re.fullmatch(rf"(?:option )?(?:\({letter}\)|\[{letter}\]|{letter}[.):])\s*(.+)", said, re.I | re.DOTALL)
    return same_text(said, text) or same_text(answer, text) or (marked is not None and same_text(marked[1], text))


def _named_by_text(answer: str, texts: Mapping[str, str]) -> set[str]:
    """The options whose text stands in an answer; a text within a longer one that stands there does not count."""
    rest, named = answer, set()
    for text in sorted({text.lower() for text in texts.values() if text}, key=len, reverse=True):
        rest, count = re.subn(rf"(?<!\w){re.escape(text)}(?!\w)", "\n", rest, flags=re.IGNORECASE)
        if count:
            named |= {letter for letter, other in texts.items() if other.lower() == text}
    return named
