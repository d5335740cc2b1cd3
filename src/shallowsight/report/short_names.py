"""The shortest names by which the settings of a study can be told apart, for the lines of a figure."""

from collections import Counter
from collections.abc import Sequence

from shallowsight.report.values import Member


def short_names(members: Sequence[Member]) -> dict[str, str]:
    """For each setting its layer, or its fusion and connector, or where another setting has the same, all of it."""
    alike = Counter(map(_short, members))
    return {m.setting: _short(m) if alike[_short(m)] == 1 else m.setting for m in members}


def _short(member: Member) -> str:
    if member.single:
        return member.setting
    fusion = "" if member.fusion == "single" else member.fusion
    return "+".join(part for part in (fusion, member.connector) if part)
