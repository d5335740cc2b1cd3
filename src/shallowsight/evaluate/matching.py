"""How an answer is compared with the true one."""

from unicodedata import normalize


def is_correct(prediction: str, target: str) -> bool:
    """Exact match but for case, surrounding space, a full stop at the end, and how Unicode writes a letter.

    Canonically equal texts are equal (NFC): an accent may be a character of its own. Compatible ones are not (NFKC):
    it would make 2 to the 5th, with a raised 5, equal to 25.
    """
    return _normal(prediction) == _normal(target)


def _normal(text: str) -> str:
    bare = normalize("NFC", text).strip().lower()
    # Of full stops alone nothing would be left, and no answer would be equal to one.
    return bare.removesuffix(".") if bare.strip(".") else bare
