"""Compare an answer with the true answer."""

from unicodedata import normalize


def is_correct(prediction: str, target: str) -> bool:
    """Exact match, apart from case, surrounding space, a full stop at the end, and Unicode's forms of a letter.

    Canonically equal texts (NFC) are equal: an accent may be a separate character. Texts that are only compatible
    (NFKC) are not: NFKC would make 2 with a raised 5 equal to 25.
    """
    return _normal(prediction) == _normal(target)


def _normal(text: str) -> str:
    bare = normalize("NFC", text).strip().lower()
    # A text of full stops only stays unchanged; otherwise it would become the empty text and equal an empty answer.
    return bare.removesuffix(".") if bare.strip(".") else bare
