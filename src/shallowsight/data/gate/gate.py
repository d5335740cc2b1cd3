"""The data gate checks all data before a GPU is used; bad rows go to quarantine with their reasons, none is lost."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shallowsight.data.gate.checks import FileChecker
from shallowsight.data.gate.chunk import Chunk
from shallowsight.data.gate.images import ImageLimits
from shallowsight.data.gate.labels import labels_of, stems_of
from shallowsight.data.gate.outputs import Outputs, write_verdict
from shallowsight.data.gate.own_rules import OwnRule, OwnRules
from shallowsight.data.gate.pictures import Pictures
from shallowsight.data.gate.repeats import Duplicates
from shallowsight.data.gate.rules import Rule, broken_rules, rules
from shallowsight.data.gate.suite import Found, Suite, require
from shallowsight.data.gate.tally import Tally
from shallowsight.data.gate.verdict import notices, refusal, verdict
from shallowsight.errors import ConfigurationError, DataRefused, ShallowsightError

log = logging.getLogger(__name__)

# Training cuts the longest rows of LLaVA's 665K data at 2,048 tokens. This limit is higher, and refuses whole books.
MAX_CHARS = 40_000


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The counts and files of one pass through the gate."""

    rows: int
    good: int
    bad: int
    reasons: Mapping[str, int]  # rows per reason, most frequent first; a row may have several reasons
    image_count: int  # distinct image paths of the good rows
    good_files: tuple[Path, ...]  # in the order of the files given
    quarantine: Path
    notices: tuple[str, ...]  # messages for the user about data that passed


def gate(
    files: Sequence[Path],
    images: Path,
    out: Path,
    *,
    max_bad_share: float,
    allow_text_only: bool = True,
    max_chars: int = MAX_CHARS,
    duplicates: Duplicates = "row",
    limits: ImageLimits | None = None,
    refuse_conversions: Collection[str] = (),
    own: OwnRules | None = None,
) -> GateReport:
    """Check every row and image; write good rows, quarantine.jsonl, validation.json and validation.html to `out`.

    Args:
        duplicates: "row" refuses a repeated (id, image, conversation), "pair" a repeated (id, image).
        refuse_conversions: names of CONVERSIONS that are not applied; the rules then refuse such rows.
        own: the user's rules, in addition to the built-in ones, and the share of rows that may break a rule.

    Raises:
        ConfigurationError: a file cannot be read at all, or the arguments do not fit together.
        DataRefused: more than `max_bad_share` of the rows are bad, more rows break a rule than its own threshold
            allows, or no row is good. The outputs are written all the same.
    """
    require()
    good_files, labels = _good_files(files, out, max_bad_share), labels_of(files)
    wanted = rules(allow_text_only=allow_text_only, max_chars=max_chars)
    own = own or OwnRules()
    suite = Suite(wanted, own.rules)
    everything: tuple[Rule | OwnRule, ...] = (*wanted, *own.rules)
    tally, pictures = Tally(everything, own.allowed), Pictures(images, limits or ImageLimits())
    with Outputs(out / "quarantine.jsonl", everything) as outputs:
        for file, label, good_file in zip(files, labels, good_files, strict=True):
            tally.begin(label)
            checker = FileChecker(file, label, pictures, duplicates, refuse_conversions, texts=suite.needs_texts)
            kept = outputs.begin(good_file)
            for chunk in checker.chunks():
                found = suite.check(chunk.table)
                _require_agreement(chunk, wanted, found)
                faults = _by_row(found)
                outputs.write(chunk, faults, kept)
                tally.add(chunk, found, faults)
                del chunk, found, faults  # frees the memory before the next chunk is read
            tally.notes += checker.repeats.notes
    for note, count in tally.notes.items():
        log.warning("%s: %d rows; their conversations differ, so they are kept", note, count)
    said = refusal(tally, max_bad_share, out / "quarantine.jsonl")
    write_verdict(out, verdict(tally, max_bad_share, refused=said is not None))
    if said is not None:
        raise DataRefused(said)
    return GateReport(
        rows=tally.rows,
        good=tally.good,
        bad=tally.bad,
        reasons=tally.reasons,
        image_count=tally.image_count,
        good_files=good_files,
        quarantine=out / "quarantine.jsonl",
        notices=notices(tally, out / "quarantine.jsonl"),
    )


def _good_files(files: Sequence[Path], out: Path, max_bad_share: float) -> tuple[Path, ...]:
    """The files for the good rows; refuses arguments under which an output would overwrite an input."""
    if not files:
        raise ConfigurationError("no data file for the data gate; name at least one .json or .jsonl file")
    if not 0 <= max_bad_share <= 1:
        raise ConfigurationError(f"data.max_bad_share is {max_bad_share}; allowed: a share from 0 to 1")
    good = tuple(out / f"{stem}.good.jsonl" for stem in stems_of(files))
    written = {path.resolve() for path in (*good, out / "quarantine.jsonl", out / "validation.json")}
    if clash := [file for file in files if file.resolve() in written]:
        raise ConfigurationError(f"data file {clash[0]} would be overwritten; choose another output folder than {out}")
    return good


def _require_agreement(chunk: Chunk, wanted: Sequence[Rule], found: Mapping[str, Found]) -> None:
    for reason, places in broken_rules(chunk.table, wanted).items():
        if differ := sorted(set(places) ^ set(found[reason].failing)):
            row = f"{chunk.label} row {chunk.table['number'][differ[0]]}"
            raise ShallowsightError(
                f"the row checks and the Great Expectations suite disagree on {reason} in {len(differ)} rows, the "
                f"first is {row}: a bug of shallowsight or an untested version of great-expectations; please report it"
            )


def _by_row(found: Mapping[str, Found]) -> dict[int, list[str]]:
    """The reasons of each bad row of a chunk, by its place."""
    faults: dict[int, list[str]] = {}
    for reason, one in found.items():
        for place in one.failing:
            faults.setdefault(place, []).append(reason)
    return faults
