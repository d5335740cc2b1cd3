"""The nearest name that exists, for the message about one that does not."""

import difflib
from collections.abc import Iterable


def unknown_name(what: str, name: str, known: Iterable[str], more: str = "") -> str:
    """`no fusion 'concta', did you mean 'concat'? choose from ...`; `more` stands at the end."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)  # `mlp` is not meant as `ldp`
    hint = f", did you mean {near[0]!r}?" if near else ";"
    return f"no {what} {name!r}{hint} choose from {', '.join(names)}{more}"
