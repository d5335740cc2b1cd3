"""Sentences that say which option is the answer: `so the answer is C`, `(B) is correct`, `I would choose B`.

They are believed only when all of them name one option, and nothing around the last one leaves a doubt.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import pairwise

# A letter counts in brackets, or as a capital that ends its clause: `the answer is A cat` has an article, no option.
_ENDS = (
    r"(?=\s*$|[.,;:!)\"'\u201d\u2019]+(?:\s|$)|\s+[-\u2013\u2014]\s|\s*\n"
    r"|\s+\(|\s+(?:because|since|as|for|due|given|with|based|which)\b)"
)
_QUOTE = r"[\"'\u201c\u2018]?"
_NAMED = r"(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter) )?"
_BRACKETED = r"(?:\(([A-Za-z])\)|\[([A-Za-z])\])"
_OPTION = rf"{_NAMED}(?:{_BRACKETED}(?!\w)|{_QUOTE}([A-Z]){_ENDS})"
_SUBJECT = rf"{_NAMED}(?:{_BRACKETED}|\b([A-Z]))"
_IS = r"(?:\s+(?:is|would be|should be|must be|will be)\b\s*:?|\s*(?:[:=]|->|\u2192))"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"^{_OPTION}",
        rf"(?i:\b(?:answer|choice|option|solution){_IS})\s*{_OPTION}",
        rf"(?i:^(?:final )?answer) {_OPTION}",
        r"\bI(?:['\u2019]d|['\u2019]ll|['\u2019]m| would| will| have| am)? "
        rf"(?:choose|chose|chosen|pick|picked|select|selected|answer|(?:go|went|going) with) (?:the )?{_OPTION}",
        rf"\bI(?: would)? (?:think|believe|say) (?:that )?(?:(?:it is|it['\u2019]s|this is) )?{_OPTION}",
        rf"(?i:\b(?:so|therefore|thus|hence)[,:]? (?:(?:it is|it['\u2019]s|it must be) )?){_OPTION}",
        rf"(?:^|(?<=[.!]\s)|(?<=\n))(?i:it is|it['\u2019]s|this is) {_OPTION}",
        rf"{_SUBJECT} is (?:clearly |obviously |definitely )?(?:the |my )?(?:final )?"
        rf"(?:correct|right|best|answer|choice)(?: (?:answer|option|choice|one))?{_ENDS}",
    )
)
_DOUBT = re.compile(
    r"\?|n['\u2019]t\b|\b(?:not|no|none|never|neither|nor|cannot|or|either|both|if|unless|whether|but|however|although|"
    r"though|yet|wait|actually|hmm|maybe|perhaps|possibly|probably|likely|unlikely|might|could|may|seems?|appears?|"
    r"unsure|sure|certain|unclear|uncertain|guess\w*|assum\w*|suppos\w*|pretend\w*|imagin\w*|hypothe\w*|wrong|"
    r"incorrect\w*|false|untrue|mistake\w*|doubt\w*|instead|rather|alternative\w*|otherwise|except|sorry|kidding|joke|"
    r"joking|correction|opposite|ignore\w*|says?|said|claim\w*|told|tells?|wrote|written|quot\w*|example|instruct\w*|"
    r"excluded?|excluding|than|too|also|worst|least|second|poor|other|another|common\w*|popular|previous\w*|earlier|"
    r"former\w*|typical\w*|usual\w*|his|her|their|your|users?|students?|people|someone|somebody|everyone|everybody|nobody)\b",
    re.IGNORECASE,
)
# The sentence before may turn the next one into something that is only spoken of.
_SPOKEN_OF = re.compile(
    r"\b(?:statements?|claim\w*|following|examples?|quot\w*|pretend\w*|suppos\w*|imagin\w*|opposite|says?|said|wrote|"
    r"told|lie|lies|lying|sarcas\w*|joke|joking)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\n")
# A capital or small letter by itself: none of `it's`, `x-ray`, `p.m.`, and not the article before a word.
_LETTER = re.compile(
    r"(?<![\w-])(?<!\w['\u2019])(?<![A-Za-z]\.)"
    r"(?!a\s+(?!(?:and|or|nor|is|was|are)\b)(?:[^\W\d_]{2,}|[0-9]))"
    r"(?!A\s+(?!(?:and|or|nor|is|was|are|has|had|does|can|would|will|shows?|because|looks?|means)\b)[a-z]{2,})"
    r"([A-Za-z])(?![\w-])(?!['\u2019]\w)(?!\.[A-Za-z]\b)"
)


def letters_in(text: str, letters: Collection[str]) -> set[str]:
    """The capital letters of the options that a text names, wherever they stand."""
    found = {one[1] for one in _LETTER.finditer(text)} - {"I"}  # the pronoun; option I counts in brackets only
    bracketed = {one[1] or one[2] for one in re.finditer(_BRACKETED, text)}
    return {letter.upper() for letter in found | bracketed} & set(letters)


def doubtful(text: str) -> bool:
    """Whether a text has a word or a mark that may change what stands beside it."""
    return _DOUBT.search(text) is not None


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    starts = _starts(text)
    return [text[start:end].strip() for start, end in pairwise((*starts, len(text)))]


def stated(text: str, letters: Collection[str]) -> tuple[str, str] | None:
    """The one option that a text states, and what else the sentences say that state it, and all sentences after them.

    None where nothing is stated, or with a doubt.
    """
    found = sorted((one.end(), one.start(), _letter(one)) for form in _FORMS for one in form.finditer(text))
    named = {letter for _, _, letter in found}
    if len(named) != 1 or not named <= set(letters):
        return None
    (letter,), starts = named, _starts(text)
    before = [_sentences_before(text, start, starts) for _, start, _ in found]
    around = "\n".join([*(sentence for _, sentence in before), text[found[-1][0] :]])
    if doubtful(around) or letters_in(around, set(letters) - {letter}):
        return None
    return None if any(_SPOKEN_OF.search(earlier) for earlier, _ in before) else (letter, around)


def _starts(text: str) -> list[int]:
    return [0, *(one.end() for one in _SENTENCE_END.finditer(text))]


def _letter(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group).upper()


def _sentences_before(text: str, start: int, starts: Sequence[int]) -> tuple[str, str]:
    """The whole sentence before the one that `start` is in, and the beginning of that one up to `start`."""
    own = bisect_right(starts, start) - 1
    before = max(0, own - 1)
    while before > 0 and not text[starts[before] : starts[before + 1]].strip():  # an empty line
        before -= 1
    return text[starts[before] : starts[own]], text[starts[own] : start]
