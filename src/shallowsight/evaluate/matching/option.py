"""An option letter: `B`, `(B)`, `B. a cat`. The letter `a` of a sentence is an article, not an option."""

import re

_TARGET = re.compile(r"[(\[]?([a-z])[)\]]?")
_OPTION = r"(?:(?:the )?(?:correct )?option(?: is)? )?"
_ALONE = re.compile(_OPTION + r"(?:\(([a-z])\)|\[([a-z])\]|([a-z])[.):]?)")
# With the text of the option: the letter must be marked as one, so `a cat` does not say A.
_WITH_TEXT = re.compile(_OPTION + r"(?:\(([a-z])\)|\[([a-z])\]|([a-z])[.):])[.:]?\s+(.+)", re.DOTALL)
_ABOUT_IT = re.compile(r"(?:is|isn['\u2019]t|was|or|and|nor|but|not sure|maybe|perhaps|probably|possibly)\b")
_ARTICLE = re.compile(r"\ba\s+(?!(?:and|or|nor)\b)(?:[^\W\d_]{2,}|[0-9])")
_LETTER = re.compile(
    r"(?<![\w'\u2019-])(?<![a-z]\.)[a-z](?![\w'\u2019-])(?!\.[a-z]\b)"
)  # none of `it's`, `x-ray`, `p.m.`


def of(target: str) -> str | None:
    """The option letter that a true answer is, or None."""
    return found[1] if (found := _TARGET.fullmatch(target)) else None


def said(text: str) -> str | None:
    """The one option letter that an answer names, or None."""
    if alone := _ALONE.fullmatch(text):
        return alone[1] or alone[2] or alone[3]
    found = _WITH_TEXT.fullmatch(text)
    if not found or _ABOUT_IT.match(found[4]) or _LETTER.search(_ARTICLE.sub(" ", found[4])):
        return None
    return found[1] or found[2] or found[3]
