"""The parts of a text that do not count: case, Unicode's forms of a letter, what surrounds it, and a few lead-ins."""

import re
from unicodedata import normalize

_MARKS = ".!,;:"  # no question mark: "red?" asks, it does not answer
_PAIRS = (
    ("**", "**"),
    ("*", "*"),
    ("`", "`"),
    ('"', '"'),
    ("'", "'"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("\u00ab", "\u00bb"),
)
_SURROUNDINGS = _MARKS + "".join(opening + closing for opening, closing in _PAIRS)
_LEAD = re.compile(r"(?:the )?(?:correct )?answer(?: is:?|:)\s+")
_IT_IS = re.compile(r"(?:it is|it['\u2019]s)\s+")


def same_text(prediction: str, target: str) -> bool:
    """Equal apart from case, from Unicode's forms of a letter, and from what `bare` removes; nothing equals nothing.

    Canonically equal texts (NFC) are equal: an accent may be a separate character. Texts that are only compatible
    (NFKC) are not: NFKC would make 2 with a raised 5 equal to 25.
    """
    said = bare(prediction)
    return bool(said) and said == bare(target)


def bare(text: str) -> str:
    """In small letters, without marks at the end, and without pairs of quotes or asterisks around it."""
    whole = normalize("NFC", text).strip().lower()
    if not whole.strip(_SURROUNDINGS + " "):  # of marks only: otherwise it would become the empty text, or another mark
        return whole
    peeled = _without_pair(whole.rstrip(_MARKS + " "))
    return peeled if peeled == whole else bare(peeled)


def without_lead(text: str) -> str:
    """A text in small letters without `the answer is`, `answer:` and the like before it."""
    return _LEAD.sub("", text, count=1) if _LEAD.match(text) else text


def without_it_is(text: str) -> str:
    """A text in small letters without `it is` before it."""
    return _IT_IS.sub("", text, count=1) if _IT_IS.match(text) else text


def _without_pair(text: str) -> str:
    for opening, closing in _PAIRS:
        inner = text.removeprefix(opening).removesuffix(closing)
        if len(inner) == len(text) - len(opening) - len(closing) and opening not in inner and closing not in inner:
            return inner.strip() if inner.strip(_SURROUNDINGS + " ") else text
    return text
