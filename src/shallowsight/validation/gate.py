"""The data gate: no GPU turns before it has passed; bad rows are put aside with their reasons, none is lost."""

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from shallowsight.errors import ConfigurationError, DataRefused, ShallowsightError
from shallowsight.validation.checks import Duplicates, Table, check_files
from shallowsight.validation.images import ImageLimits
from shallowsight.validation.labels import stems_of
from shallowsight.validation.outputs import count_by_file, split, write_verdict
from shallowsight.validation.rules import broken_rules, rules
from shallowsight.validation.suite import SuiteResult, require, run_suite

log = logging.getLogger(__name__)

# The longest rows of 665K are cut at 2,048 tokens; this leaves room and stops a book in one row.
MAX_CHARS = 40_000


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What went through the gate."""

    rows: int
    good: int
    bad: int
    reasons: Mapping[str, int]  # rows per reason, most frequent first; a row may have several
    image_count: int  # distinct image paths of the good rows
    good_files: tuple[Path, ...]  # in the order of the files given
    quarantine: Path


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
) -> GateReport:
    """Check every row and image; write good rows, quarantine.jsonl, validation.json and validation.html to `out`.

    `duplicates`: "row" refuses a repeated (id, image, conversation), "pair" a repeated (id, image) already.

    Raises:
        ConfigurationError: a file cannot be read at all, or the arguments do not fit together.
        DataRefused: more than `max_bad_share` of the rows are bad, or no row is good. The outputs are there.
    """
    require()
    good_files = _good_files(files, out, max_bad_share)
    wanted = rules(allow_text_only=allow_text_only, max_chars=max_chars)
    table = check_files(files, images, duplicates=duplicates, limits=limits or ImageLimits())
    faults = [broken_rules(facts, wanted) for facts in table.rows]
    suite = run_suite(table.rows, wanted)
    _agree(faults, suite)

    out.mkdir(parents=True, exist_ok=True)
    split(files, good_files, out / "quarantine.jsonl", table, faults)
    bad = sum(map(bool, faults))
    reasons = Counter(reason for found in faults for reason in found)
    report = GateReport(
        rows=len(faults),
        good=len(faults) - bad,
        bad=bad,
        reasons=dict(reasons.most_common()),
        image_count=len({row.image for row, found in zip(table.rows, faults, strict=True) if not found} - {None}),
        good_files=good_files,
        quarantine=out / "quarantine.jsonl",
    )
    refused = not report.good or bad / report.rows > max_bad_share
    write_verdict(
        out,
        {
            "verdict": "refused" if refused else "accepted",
            "rows": report.rows,
            "good": report.good,
            "bad": report.bad,
            "max_bad_share": max_bad_share,
            "image_count": report.image_count,
            "reasons": dict(report.reasons),
            "notes": table.notes,
            "files": count_by_file(files, table, faults),
            "expectations": [asdict(expectation) for expectation in suite.expectations],
        },
    )
    if refused:
        raise DataRefused(_refusal(report, table, faults, max_bad_share))
    log.info("data gate: %d of %d rows are good, %d are in %s", report.good, report.rows, bad, report.quarantine)
    return report


def _good_files(files: Sequence[Path], out: Path, max_bad_share: float) -> tuple[Path, ...]:
    """Where the good rows go; refuses arguments under which an output would overwrite something."""
    if not files:
        raise ConfigurationError("the data gate got no file; name at least one .json or .jsonl file in data.files")
    if not 0 <= max_bad_share <= 1:
        raise ConfigurationError(f"data.max_bad_share is {max_bad_share}; allowed: a share from 0 to 1")
    good = tuple(out / f"{stem}.good.jsonl" for stem in stems_of(files))
    written = {path.resolve() for path in (*good, out / "quarantine.jsonl", out / "validation.json")}
    if clash := [file for file in files if file.resolve() in written]:
        raise ConfigurationError(f"data file {clash[0]} would be overwritten; choose another output folder than {out}")
    return good


def _agree(faults: Sequence[tuple[str, ...]], suite: SuiteResult) -> None:
    ours = {place for place, found in enumerate(faults) if found}
    if differ := sorted(ours ^ suite.failing):
        raise ShallowsightError(
            f"the row checks and the Great Expectations suite disagree on {len(differ)} rows, the first at place "
            f"{differ[0]}: a bug of shallowsight or an untested version of great-expectations; please report it"
        )


def _refusal(report: GateReport, table: Table, faults: Sequence[tuple[str, ...]], max_bad_share: float) -> str:
    if not report.rows:
        return "data refused: the files hold no rows at all. To go on: name files with rows in data.files."
    most = []
    for reason, count in list(report.reasons.items())[:3]:
        example = next(row.label for row, found in zip(table.rows, faults, strict=True) if reason in found)
        most.append(f"{reason} {count} (for example {example[:80]!r})")
    allowed = f"allowed is a share of {max_bad_share:g}" if report.good else "no good row is left"
    share = report.bad / report.rows
    mend = "mend the rows" + (
        f" or raise data.max_bad_share (at least {math.ceil(share * 1000) / 1000:g} here)" if report.good else ""
    )
    return (
        f"data refused: {report.bad} of {report.rows} rows are bad ({share:.3g}); {allowed}. "
        f"Most frequent: {'; '.join(most)}. All of them, with reasons: {report.quarantine}. To go on: {mend}."
    )
