"""The name of a model in weave, which makes a Python class and an object with this name."""

import hashlib
import re

_SHOWN = 96  # characters of study and setting; weave cuts a name after 128
_DIGITS = 12  # of the digest
_KEPT = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)*")  # names in which nothing is replaced, here or by weave


def model_name(study: str, setting: str) -> str:
    """A name that no other study and setting has.

    One layer of a study with a plain name is `model_demo_8`. Elsewhere characters are replaced or cut off, so that a
    digest of what was written tells names apart: `model_demo_3_8_mean_x0123456789ab`.
    """
    written = f"{study} {setting}"
    shown = re.sub(r"[^A-Za-z0-9]+", "_", written).strip("_")[:_SHOWN].rstrip("_")
    if _KEPT.fullmatch(study) and setting.isascii() and setting.isdecimal() and len(written) <= _SHOWN:
        return f"model_{shown}"
    # The x is no decimal digit, so that such a name never ends as one of the others does.
    digest = hashlib.sha256(repr((study, setting)).encode("utf-8", "backslashreplace")).hexdigest()[:_DIGITS]
    return "_".join(part for part in ("model", shown, f"x{digest}") if part)
