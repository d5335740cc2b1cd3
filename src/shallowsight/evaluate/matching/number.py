"""A number, in digits or words, alone or before the words that it counts; numbers are compared by value."""

import re
from decimal import Decimal

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: value for value, word in enumerate(_SMALL)}
_WORDS |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_WORDS |= {f"{ten}-{one}": _WORDS[ten] + _WORDS[one] for ten in _TENS for one in _SMALL[1:10]}
_DIGITS = re.compile(r"(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?")  # 007 is a name
_THOUSANDS_OR_DECIMALS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_SIGN = re.compile(r"(?:[-\u2212]|(?:minus|negative)\s+)(?=\w)")
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)}) ({'|'.join(_SMALL[1:10])})\b")
_COUNTED = re.compile(r"(?:there (?:is|are) )?(\S+)((?:\s+[^\W\d_]{2,}(?:['\u2019-][^\W\d_]+)*){0,3})")
# Words that change the number before them, make it one of several, or make a sentence about it.
_CHANGING_WORDS = """
hundreds? thousands? [mbtr]+illions? mil [mbt]n lakhs? crores? grand gross dozens? scores? pairs? couples?
half halves quarters? first second thirds? fourths? fifths? sixths? sevenths? eighths? ninths? tenths? twentieths?
hundredths? thousandths? per percent point plus minus times divided squared cubed
to and or but more less fewer least most over under above below than short another
about around approximately roughly almost nearly not no none if maybe perhaps possibly probably
is are was were isn aren can could should would must may might has does wrong
""".split()
_CHANGING = re.compile(rf"\b(?:{'|'.join([*_SMALL, *_TENS, *_CHANGING_WORDS])})\b")


def of(target: str) -> Decimal | None:
    """The value of a true answer that is a number alone, otherwise None."""
    text = _COMPOUND.sub(r"\1-\2", target)
    sign = _SIGN.match(text)
    digits = text[sign.end() :] if sign else text
    if digits in _WORDS:
        value = Decimal(_WORDS[digits])
    elif _DIGITS.fullmatch(digits) and not _THOUSANDS_OR_DECIMALS.fullmatch(digits):
        value = Decimal(digits.replace(",", ""))
    else:
        return None
    return -value if sign else value


def said(text: str) -> Decimal | None:
    """The one number that an answer says, or None where it says none, several, or part of another one."""
    if (alone := of(text)) is not None:
        return alone
    found = _COUNTED.fullmatch(_COMPOUND.sub(r"\1-\2", text))
    if not found:
        return None
    number, words = found.groups()
    pronoun = number == "one" and len(words.split()) > 1  # "one can see", "one of them"
    return None if pronoun or _CHANGING.search(words) else of(number)
