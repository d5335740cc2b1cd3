"""The settings of a study that are not one layer through the study's own connector: fusions and other connectors."""

from collections.abc import Sequence
from itertools import groupby

from shallowsight.report.values import Member, Study
from shallowsight.study.connectors import Connector


def name_of_others(members: Sequence[Member]) -> str:
    """What the settings that are no single layers are: `fusion`, `connector` or `fusion or connector`."""
    others = [m for m in members if not m.single]
    fused = any(m.fusion != "single" for m in others)
    connected = any(m.connector is not None for m in others)
    return "fusion or connector" if fused and connected else "connector" if connected else "fusion"


def compresses(study: Study, member: Member) -> bool:
    """Whether the setting's connector makes fewer image tokens than patch vectors."""
    own = (study.raw.get("base") or {}).get("connector") or {}
    connector = Connector.parse(member.connector) if member.connector else Connector.model_validate(own)
    return connector.about.compresses


def by_kind(study: Study) -> list[tuple[str, tuple[Member, ...]]]:
    """The members under headings: preserving and compressing connectors, or under none where all are alike."""
    if len({compresses(study, m) for m in study.members}) < 2:
        return [("", study.members)]
    ordered = sorted(study.members, key=lambda m: compresses(study, m))
    titles = {False: "One image token for each patch", True: "Fewer image tokens than patches"}
    return [(titles[fewer], tuple(found)) for fewer, found in groupby(ordered, lambda m: compresses(study, m))]
