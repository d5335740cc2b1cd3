"""The words of an answer, without what only marks them: Markdown, LaTeX, tags, and other forms of Latin letters."""

import re
from unicodedata import category, normalize

# Full-width, bracketed, circled and squared Latin letters; a raised 5 is none of them.
_LETTER_FORMS = re.compile("[\uff01-\uff5e\u249c-\u24e9\U0001f110-\U0001f189]")
_THOUGHT_END = re.compile(r"</think>", re.IGNORECASE)
_THOUGHT = re.compile(r"<think>", re.IGNORECASE)
_TAGGED = re.compile(r"<(?:final_)?answer>([^<>]*)</(?:final_)?answer>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_STYLED = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|it|tt)|bm)\s*\{([^{}]*)\}")
_MARKS = re.compile(r"\*+|`+|__|\$+|\\[()\[\]]|^[ \t]*(?:#+|>)[ \t]*", re.MULTILINE)
_SPACES = re.compile(r"[^\S\n]+")


def without_markup(text: str) -> str:
    """The words of a text; empty where it is a thought without an end.

    What is in a box or in tags for the answer becomes `Answer: ...`, which is what it means.
    """
    plain = "".join(c for c in normalize("NFC", text) if category(c) != "Cf")
    plain = _LETTER_FORMS.sub(lambda found: normalize("NFKC", found[0]), _THOUGHT_END.split(plain)[-1])
    if _THOUGHT.search(plain):
        return ""
    plain = _STYLED.sub(r"\1", plain)
    for box in (_TAGGED, _BOXED):
        plain = box.sub(lambda found: f" Answer: {found[1].strip()}. " if found[1].strip() else " ", plain)
    return _SPACES.sub(" ", _MARKS.sub("", plain)).strip()
