"""The analysis of a tower over a folder of pictures, without a study."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shallowsight.data.enough import LEAST_PICTURES
from shallowsight.errors import ConfigurationError
from shallowsight.observe.progress import Counted
from shallowsight.steps.lab_tower import LabTower
from shallowsight.steps.machine import use_all_cores
from shallowsight.store.disk import naming
from shallowsight.study.counts import counted

if TYPE_CHECKING:
    from shallowsight.analysis.lab import Lab
    from shallowsight.analysis.measures.kinds import Kind
    from shallowsight.data.pictures.folder import PictureFolder
    from shallowsight.model.encode import PictureEncoder
    from shallowsight.steps.labelled_probes import LabelledProbes

_PROBE = 4  # pictures that are timed beforehand
_AT_ONCE = 16  # pictures that are read at once


@dataclass(frozen=True, kw_only=True)
class FolderAnalysis:
    """What is asked for. `groups` None: as many as a test finds; `measures` None: the usual ones."""

    tower: LabTower
    images: Path
    out: Path
    pictures: int = 1000  # the most that are read
    groups: int | None = None
    measures: Sequence[str] | None = None
    labels: Path | None = None  # a table of labels, for probes


def known_measures() -> "Sequence[Kind]":
    """Every measure that may be asked for."""
    from shallowsight.analysis.measures.kinds import KINDS

    return KINDS


def analyze_folder(asked: FolderAnalysis, say: Callable[[str], None], begin: Counted) -> Path:
    """Write analysis.json, pictures and the page into `out`, all of them or none; returns the path of the page.

    Raises:
        ConfigurationError: there is no such tower, folder, measure or table of labels, too few pictures or layers, a
            wrong number of groups or size, or `out` holds something else.
        MissingPackage: the extra `report` is not installed.
        ShallowsightError: the hidden states are not finite.
    """
    from shallowsight.data.pictures.folder import PictureFolder
    from shallowsight.data.pictures.labels import read_labels
    from shallowsight.report.analysis_files import require_place, write_analysis

    require_place(asked.out)
    facts = asked.tower.facts()
    if facts.depth < 2:
        raise ConfigurationError(f"{facts.name} has one layer, and the analysis compares layers; name a deeper tower")
    folder = PictureFolder(asked.images)
    names = _chosen(folder.names, asked.pictures)
    _require_enough(len(names), folder, asked.pictures)
    labels = None if asked.labels is None else read_labels(asked.labels, folder.names)

    from shallowsight.analysis.lab import Lab
    from shallowsight.analysis.measures.kinds import USUAL, find_kinds
    from shallowsight.analysis.partition import require_groups
    from shallowsight.steps.labelled_probes import LabelledProbes

    kinds = find_kinds(USUAL if asked.measures is None else asked.measures)
    if asked.groups is not None:
        require_groups(asked.groups, facts.depth)
    use_all_cores()
    encoder = asked.tower.encoder(facts, facts.depth)
    each = _seconds_each(encoder, kinds, folder, names)
    say(f"{len(names)} of {len(folder.names)} pictures, about {_seconds(each, kinds, len(names)):.0f} s")
    probes = None if labels is None else LabelledProbes(encoder, facts, folder, labels)
    if labels is not None and labels.others:
        say(f"{counted(labels.others, 'row')} of {asked.labels} passed over: pictures that are not in the folder")
    if probes is not None:
        for column, why in probes.skipped.items():
            say(f"{column}: not probed: {why}")
        say(f"probes of {counted(len(probes.questions), 'column')} of labels, about {probes.seconds(each):.0f} s more")
    lab = Lab(encoder, kinds)
    on_progress = begin("comparing layers")
    for first in range(0, len(names), _AT_ONCE):
        _add(lab, encoder, folder, names[first : first + _AT_ONCE])
        on_progress(min(first + _AT_ONCE, len(names)), len(names))
    _require_enough(lab.pictures, folder, asked.pictures)
    found = {
        "tower": {**facts.model_dump(mode="json"), "image_size": asked.tower.image_size_of(facts)},
        "pictures": {"found": len(folder.names), "read": lab.pictures, "unreadable": folder.unreadable},
        **lab.found(asked.groups),
    }
    if probes is not None:
        found["probes"] = _probed(probes, asked.out, say, begin)
    if folder.unreadable:
        left = len(folder.unreadable)
        say(f"{counted(left, 'file')} {'was' if left == 1 else 'were'} left out: {folder.faults}")
    return write_analysis(found, asked.out)


def _chosen(names: Sequence[str], most: int) -> list[str]:
    """At most so many, spread evenly over the folder, in an order that is random and the same each time."""
    count = min(len(names), most)
    even = [names[n * len(names) // count] for n in range(count)]
    random.Random(0).shuffle(even)
    return even


def _require_enough(count: int, folder: "PictureFolder", most: int) -> None:
    if count < LEAST_PICTURES:
        why = f"; not readable: {folder.faults}" if folder.unreadable else ""
        asked = f" of which {most} were asked for" if most < LEAST_PICTURES else ""
        raise ConfigurationError(
            f"the analysis needs at least {LEAST_PICTURES} pictures, the folder has {len(folder.names)}{asked}"
            f"{f', {count} of them can be read' if count < min(len(folder.names), most) else ''}{why}"
        )


def _seconds_each(
    encoder: "PictureEncoder", kinds: "Sequence[Kind]", folder: "PictureFolder", names: Sequence[str]
) -> float:
    """How long a picture takes, from a few that are looked at twice: the first time is slower."""
    from shallowsight.analysis.lab import Lab

    usual = [kind for kind in kinds if not kind.attentions]
    _add(Lab(encoder, usual), encoder, folder, names[:_PROBE])
    started = time.monotonic()
    _add(Lab(encoder, usual), encoder, folder, names[:_PROBE])
    return (time.monotonic() - started) / _PROBE


def _seconds(each: float, kinds: "Sequence[Kind]", pictures: int) -> float:
    """How long all pictures take; a pass with attentions takes about twice as long as one without."""
    from shallowsight.analysis.lab import ATTENTION_PICTURES

    attended = 2 * min(ATTENTION_PICTURES, pictures) if any(kind.attentions for kind in kinds) else 0
    return each * (pictures + attended)


def _probed(probes: "LabelledProbes", out: Path, say: Callable[[str], None], begin: Counted) -> dict[str, Any]:
    """The probes' numbers; says what each column shows, and which could not be probed."""
    from shallowsight.report.label_probes import column_sentences

    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with naming(out):
        found = probes.found(out.absolute().parent, begin)
    for sentence in column_sentences({"probes": found | {"skipped": {}}}):
        say(sentence)
    return found


def _add(lab: "Lab", encoder: "PictureEncoder", folder: "PictureFolder", names: Sequence[str]) -> None:
    read: dict[str, Any] = folder.read(names)
    if read:
        lab.add(list(read), encoder.pixels(list(read.values())))
