"""Which setting of one study is which of another.

In towers of the same depth a setting is matched with the one that is written alike. In towers of different depths the
same number is another place, so settings are matched by what they are in their studies: the penultimate layer with the
penultimate one, the fusion of evenly spread layers with that of the other tower. In other towers of the same depth the
roles match what the writing leaves over.
"""

from collections.abc import Sequence

from shallowsight.report.compare.values import Pair, Side
from shallowsight.report.values import Member

_Key = tuple[str, str, str | None]  # role, fusion, connector
_FIRST = ("penultimate", "last")  # a layer's place; other roles depend on the groups that the analysis found


def match(before: Side, after: Side) -> tuple[Pair, ...]:
    """The pairs in the order of the first study."""
    found: dict[str, tuple[Member, str]] = {}  # setting of the first study -> its counterpart, and their role
    if before.depth == after.depth:
        other = {m.setting: m for m in after.study.members}
        found = {m.setting: (other[m.setting], "") for m in before.study.members if m.setting in other}
    if _tower(before) != _tower(after):
        _by_role(before.study.members, after.study.members, found)
    return tuple(
        Pair(before=m, after=found[m.setting][0], role=found[m.setting][1], depths=_depths(m, found, before, after))
        for m in before.study.members
        if m.setting in found
    )


def _by_role(before: Sequence[Member], after: Sequence[Member], found: dict[str, tuple[Member, str]]) -> None:
    """Add pairs of settings that have a role in common: each with the one of the same rank, where both have as many."""
    keys = dict.fromkeys(key for m in before for key in _keys(m))
    for key in sorted(keys, key=lambda k: k[0] not in _FIRST):
        old, new = ([m for m in members if key in _keys(m)] for members in (before, after))
        if len(old) != len(new):
            continue
        for first, second in zip(_shallow_first(old), _shallow_first(new), strict=True):
            taken = {m.setting for m, _ in found.values()}
            if first.setting not in found and second.setting not in taken:
                found[first.setting] = second, key[0]


def _keys(member: Member) -> tuple[_Key, ...]:
    return tuple((role, member.fusion, member.connector) for role in member.roles if role)


def _shallow_first(members: Sequence[Member]) -> list[Member]:
    return sorted(members, key=lambda m: m.layers)


def _depths(member: Member, found: dict[str, tuple[Member, str]], before: Side, after: Side) -> tuple[float, float]:
    return max(member.layers) / before.depth, max(found[member.setting][0].layers) / after.depth


def _tower(side: Side) -> object:
    """The digest of its weights, or its name in an old document."""
    return (side.document.get("tower") or {}).get("digest") or side.study.tower
