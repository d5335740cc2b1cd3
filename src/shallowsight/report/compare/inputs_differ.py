"""What the inputs of two studies differ in: keys, tower, language model, data, seeds, packages, code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shallowsight.report.compare.values import Change, Pair, Side

NONE = "none"
_SHORT = 12  # characters of a digest
_LIKE_CODE = {"name", "settings", "seeds", "more_seeds", "added", "probes"}  # not what one training reads


def changes(before: Side, after: Side) -> tuple[Change, ...]:
    """Every difference of study.json and of the packages, in the order of study.json."""
    return tuple(
        Change(what=what.removeprefix("base."), before=_text(old), after=_text(new))
        for what, old, new in _different(_facts(before), _facts(after))
    )


def code_changed(before: Side, after: Side, pairs: Sequence[Pair]) -> bool:
    """Whether only changed code explains that a training was made anew: its inputs and packages are the same."""
    if any(what not in _LIKE_CODE for what, *_ in _different(_facts(before), _facts(after))):
        return False
    trained = [
        (old.digests.get("finetune"), new.digests.get("finetune"))
        for pair in pairs
        for old in pair.before.done
        for new in pair.after.done
        if old.seed == new.seed
    ]
    return any(old != new for old, new in trained)


def _different(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    keys = dict.fromkeys((*before, *after))
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]


def _facts(side: Side) -> dict[str, Any]:
    document = side.document
    tower = document.get("tower") or {}
    facts = dict(_flat("", document["study"]))
    facts.pop("base.name", None)  # a study has the name above
    facts |= {"weights of the tower": _digest(tower.get("digest")), "layers of the tower": tower.get("depth")}
    facts["weights of the language model"] = _digest(document.get("language_digest"))
    for name, source in (document.get("sources") or {}).items():
        facts |= {
            f"data {name}, digest": _digest(source.get("digest")),
            f"data {name}, training records": source.get("train_rows"),
            f"data {name}, test records": source.get("test_rows"),
        }
    return facts | {f"package {name}": version for name, version in side.packages.items()}


def _flat(prefix: str, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, each in value.items():
        if isinstance(each, Mapping):
            yield from _flat(f"{prefix}{key}.", each)
        else:
            yield f"{prefix}{key}", each


def _digest(text: Any) -> str | None:
    return str(text).removeprefix("sha256:")[:_SHORT] if text else None


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or NONE
    return NONE if value is None or value == "" else str(value)
