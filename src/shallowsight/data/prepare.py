"""The data step: run the gate, then write the shards, records, questions and tokenizer that later steps read.

Writes `images-*.tar` with `images.jsonl` and `images.npy`, `pretrain.jsonl`, `finetune.jsonl`, `held_out.jsonl`,
`questions.jsonl`, `tokenizer/`, `validation/<group>/` and `data.json`.
"""

import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.data.enough import require_kinds
from shallowsight.data.gate.gate import GateReport, gate
from shallowsight.data.gate.images import ImageLimits
from shallowsight.data.gate.leak import leaked_images, same_files
from shallowsight.data.held_out import FEWEST_RECORDS, Unit, choose, held_out_file, unit_of
from shallowsight.data.own_files import own_rules
from shallowsight.data.questions import questions_of
from shallowsight.data.records import Record, read_jsonl, write_jsonl
from shallowsight.data.shards import write_shards
from shallowsight.data.sources import OWN_GROUPS, OnProgress, Source, collect_sources
from shallowsight.data.tokenizer import train_tokenizer
from shallowsight.errors import DataRefused
from shallowsight.study.counts import counted, is_or_are
from shallowsight.study.data import BUILT_IN_SOURCES, Data
from shallowsight.study.experiment import Experiment

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

QUESTIONS = "questions.jsonl"
SUMMARY = "data.json"


def prepare(
    experiment: Experiment,
    out: Path,
    work: Path,
    verdicts: Path,
    given: "PreTrainedTokenizerBase | None",
    on_progress: OnProgress,
    on_notice: Callable[[str], None] = log.warning,
) -> None:
    """Fill `out`. `work` is a temporary folder; the gate's findings are written below `verdicts`, also if it refuses.

    `given` is the tokenizer of a language model that the user names; None: one is learnt from the training text.

    `on_notice` gets messages for the user about data that passed: rows that were converted or put into quarantine, and
    whether there are too few records to hold some out.

    Raises:
        DataRefused: too many bad rows, or training pictures in the test set.
        ConfigurationError: a file cannot be read.
    """
    data = experiment.data
    by_use = collect_sources(data, work, on_progress)
    on_progress("checking records and pictures", 0, 1)
    reports = _gate_all(by_use, verdicts, data, on_notice)
    good = {use: [_Rows(s, reports[s.group].good_of(s.file)) for s in sources] for use, sources in by_use.items()}
    for use, rows in good.items():
        if not any(True for _ in _records(rows)):
            raise DataRefused(f"data.{use}: no row in {', '.join(r.source.name for r in rows)}; add records")
    leaks = _leaks(good, data)
    shutil.copytree(verdicts, out / "validation")

    held_out = _held_out(good, data, on_notice)
    written = {
        use: write_jsonl(_trained(good[use], held_out), out / f"{use}.jsonl") for use in ("pretrain", "finetune")
    }
    aside = [record for record in _records(good["finetune"]) if unit_of(record) in held_out]
    write_jsonl(aside, held_out_file(out))
    written["questions"] = write_jsonl(_questions(good["test"], data.turns), out / QUESTIONS)
    on_progress("checking records and pictures", 1, 1)
    on_progress("packing pictures", 0, 1)
    images = write_shards(((key, path.read_bytes()) for key, path in _pictures(good).items()), out)
    on_progress("packing pictures", 1, 1)
    if given is None:
        _learn_tokenizer(experiment.language.vocabulary, out)
    else:
        given.save_pretrained(out / "tokenizer")
    summary = {
        "train_rows": written["finetune"],
        "pretrain_rows": written["pretrain"],
        "held_out_rows": len(aside),
        "held_out_questions": sum(len(record["conversations"]) // 2 for record in aside),
        "test_rows": sum(1 for _ in _records(good["test"])),
        "questions": written["questions"],
        "images": images,
        "quarantined": sum(r.report.bad for r in reports.values()),
        "near_duplicates_of_test_images": leaks,
        "sources": {use: sorted({s.group for s in sources}) for use, sources in by_use.items()},
    }
    (out / SUMMARY).write_text(json.dumps(summary, indent=1), encoding="utf-8")


class _Verdict:
    """The gate's result for one group of sources."""

    def __init__(self, files: list[Path], report: GateReport) -> None:
        self.report = report
        self._good = dict(zip(files, report.good_files, strict=True))

    def good_of(self, file: Path) -> Path:
        return self._good[file]


class _Rows:
    """The good rows of one source, with image keys that are unique over all sources."""

    def __init__(self, source: Source, good: Path) -> None:
        self.source, self.good = source, good

    def records(self) -> Iterable[Record]:
        for record in read_jsonl(self.good):
            yield record | {"image": self._key(record["image"])} if record.get("image") else record

    def pictures(self) -> dict[str, Path]:
        """Key -> file, in the order of the records."""
        return {self._key(name): self.source.images / name for name in self._names()}

    def shown(self) -> dict[Path, str]:
        """File -> its name in the records."""
        return {self.source.images / name: name for name in self._names()}

    def _names(self) -> Iterable[str]:
        return (record["image"] for record in read_jsonl(self.good) if record.get("image"))

    def _key(self, name: str) -> str:
        return f"{self.source.group}/{name}"


def _gate_all(
    by_use: dict[str, list[Source]], verdicts: Path, data: Data, on_notice: Callable[[str], None]
) -> dict[str, _Verdict]:
    shutil.rmtree(verdicts, ignore_errors=True)
    theirs = own_rules(data)
    groups: dict[str, tuple[Path, list[Path]]] = {}
    for source in (s for sources in by_use.values() for s in sources):
        files = groups.setdefault(source.group, (source.images, []))[1]
        if source.file not in files:
            files.append(source.file)
    verdict_of = {}
    for group, (images, files) in groups.items():
        report = gate(
            files,
            images,
            verdicts / group,
            max_bad_share=data.max_bad_share,
            limits=ImageLimits(decode=data.decode),
            refuse_conversions=data.refuse_conversions,
            own=theirs if group in OWN_GROUPS else None,
        )
        for text in report.notices:
            on_notice(f"data gate, {group}: {text}")
        verdict_of[group] = _Verdict(files, report)
    return verdict_of


def _leaks(good: dict[str, list[_Rows]], data: Data) -> int | None:
    """The number of near duplicates between training and test; None if they are not looked for.

    Raises:
        DataRefused: more pictures than allowed are the same in training and test.
    """
    allowed = data.max_leaked_images
    train = _merge(rows.pictures() for use in ("pretrain", "finetune") for rows in good[use])
    test = _merge(rows.pictures() for rows in good["test"])
    found = (leaked_images if data.decode == "all" else same_files)(train.values(), test.values())
    same = {a: b for a, b, kind in found if kind == "exact"}
    if len(same) > allowed:
        shown = {file: name for rows in good.values() for one in rows for file, name in one.shown().items()}
        a, b = next(iter(same.items()))
        in_both = f"{counted(len(same), 'training picture')} {is_or_are(len(same))} also in the test set"
        raise DataRefused(
            f"{in_both}, {allowed} {is_or_are(allowed)} allowed; for instance {shown[a]} "
            f"of training and {shown[b]} of the test. Take them out of one of the two, or raise data.max_leaked_images"
        )
    return len(found) - len(same) if data.decode == "all" else None


def _merge(parts: Iterable[dict[str, Path]]) -> dict[str, Path]:
    merged: dict[str, Path] = {}
    for part in parts:
        merged |= part
    return merged


def _pictures(good: dict[str, list[_Rows]]) -> dict[str, Path]:
    return _merge(rows.pictures() for use in ("finetune", "pretrain", "test") for rows in good[use])


def _records(rows: list[_Rows]) -> Iterable[Record]:
    for one in rows:
        yield from one.records()


def _held_out(good: dict[str, list[_Rows]], data: Data, on_notice: Callable[[str], None]) -> frozenset[Unit]:
    """What is held out: none where a stage would keep no record."""
    chosen = choose(_records(good["finetune"]), data.held_out)
    if chosen and not any(True for _ in _trained(good["pretrain"], chosen)):
        chosen = frozenset()
    if data.held_out and not chosen:
        on_notice(
            f"data.held_out={data.held_out}: too few training records to hold some out, so the training is not "
            f"measured while it learns; at least {FEWEST_RECORDS} are needed, and more for a small share"
        )
    return chosen


def _trained(rows: list[_Rows], held_out: frozenset[Unit]) -> Iterable[Record]:
    return (record for record in _records(rows) if unit_of(record) not in held_out)


def _questions(rows: list[_Rows], turns: str) -> Iterable[Record]:
    """The built-in questions are always asked alone, because questions of one picture do not refer to each other."""
    for one in rows:
        own = one.source.name not in BUILT_IN_SOURCES
        yield from questions_of(one.records(), in_context=own and turns == "in_context")


def training_images(folder: Path) -> list[str]:
    """Keys of the pictures of the training data, those held out last, in the order of the records."""
    files = (folder / "finetune.jsonl", folder / "pretrain.jsonl", held_out_file(folder))
    rows = (row for file in files for row in read_jsonl(file))
    return list(dict.fromkeys(row["image"] for row in rows if row.get("image")))


def require_questions(benchmarks: Iterable[str], folder: Path) -> None:
    """Raises ConfigurationError when prepared data has no question for a benchmark.

    The folder may have been made for other benchmarks, because its content does not depend on them.
    """
    require_kinds(benchmarks, Counter(question["kind"] for question in read_jsonl(folder / QUESTIONS)))


def _learn_tokenizer(vocabulary: int, out: Path) -> None:
    turns = (
        turn["value"]
        for use in ("pretrain", "finetune")
        for record in read_jsonl(out / f"{use}.jsonl")
        for turn in record["conversations"]
    )
    train_tokenizer(turns, vocabulary, out / "tokenizer")
