"""The settings of a study that are not one layer through the study's own connector: fusions and other connectors."""

from collections.abc import Sequence
from itertools import groupby

from shallowsight.errors import ConfigurationError
from shallowsight.report.values import Member, Study
from shallowsight.study.connectors import Connector
from shallowsight.study.experiment import Vision
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.resolved import TowerFacts


def name_of_others(members: Sequence[Member]) -> str:
    """What the settings that are no single layers are: `fusion`, `connector` or `fusion or connector`."""
    others = [m for m in members if not m.single and not m.control]
    fused = any(m.fusion != "single" for m in others)
    connected = any(m.connector is not None for m in others)
    return "fusion or connector" if fused and connected else "connector" if connected else "fusion"


def compresses(study: Study, member: Member) -> bool:
    """Whether a picture has fewer image tokens than patch vectors.

    A connector that may compress need not, and `merger`, which usually preserves, may compress. Its kind decides only
    where the numbers are not known: in a study that an older version made.
    """
    patches = _patches(study)
    if member.image_tokens is not None and patches is not None:
        return member.image_tokens < patches
    return connector_of(study, member).about.compresses


def connector_of(study: Study, member: Member) -> Connector:
    """The connector of a setting: the study's, where it has none of its own."""
    if member.connector:
        return Connector.parse(member.connector)
    return Connector.model_validate((study.raw.get("base") or {}).get("connector") or {})


def _patches(study: Study) -> int | None:
    """The patch vectors of a picture in each layer; None: study.json does not say it."""
    try:
        vision = Vision.model_validate((study.raw.get("base") or {}).get("vision"))
        return feature_tokens(TowerFacts.model_validate(study.facts), vision)
    except (ValueError, ConfigurationError):
        return None


def by_kind(study: Study) -> list[tuple[str, tuple[Member, ...]]]:
    """The members under headings, by whether they compress; under none where all are alike."""
    if len({compresses(study, m) for m in study.members}) < 2:
        return [("", study.members)]
    ordered = sorted(study.members, key=lambda m: compresses(study, m))
    titles = {False: "An image token for each patch vector, or more", True: "Fewer image tokens than patch vectors"}
    return [(titles[fewer], tuple(found)) for fewer, found in groupby(ordered, lambda m: compresses(study, m))]
