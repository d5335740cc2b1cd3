"""Yes or no, alone or at the beginning of a sentence that does not take it back."""

import re

# After the word come the end, punctuation, or the subject of a sentence: "no idea" does not say no.
_FIRST = re.compile(
    r"(yes|no)(?:\s*$|\s*[,.!;:]\s*|\s+[-\u2013\u2014]\s+|\s+(?=(?:it|there|he|she|they|this|these|those)\b))(.*)",
    re.DOTALL,
)
_DOUBT = (
    r"\?|\b(?:but|or|if|unless|maybe|perhaps|possibly|probably|might|unsure|sure|unclear|uncertain|know|tell|say|depends|"
    r"wrong|guess|idea)\b"
)
_AGAINST = {
    "yes": re.compile(
        rf"{_DOUBT}|n['\u2019]t\b|\b(?:no|not|cannot|none|nothing|nobody|never|neither|nor|without|nope|false)\b"
    ),
    "no": re.compile(rf"{_DOUBT}|^[0-9]|\b(?:yes|yeah|true)\b"),  # "no. 5" is a number
}


def of(target: str) -> str | None:
    """`yes` or `no`, if a true answer is one of them; otherwise None."""
    return target if target in _AGAINST else None


def said(text: str) -> str | None:
    """What an answer says, or None where it says neither, both, or leaves a doubt."""
    found = _FIRST.fullmatch(text)
    if not found:
        return None
    word, rest = found.groups()
    return None if _AGAINST[word].search(rest) else word
