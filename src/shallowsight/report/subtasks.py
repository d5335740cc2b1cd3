"""The sub-tasks and finer categories of public benchmarks: numbers beside the scores, without any test."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shallowsight.report.findings import Findings
from shallowsight.report.part_scores import Key, KeysOf, PartScore, part_scores

SUBTASK, FINER = "sub-task", "finer category"
_COLUMNS = ("kind", "name", "benchmarks", "setting", "seeds", "questions", "mean", "sd", "undecided", "highest")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A sub-task of one benchmark, or a finer category over all benchmarks that have it."""

    kind: str
    name: str
    benchmarks: tuple[str, ...]
    scores: Mapping[str, PartScore]  # by setting

    @property
    def questions(self) -> int:
        """Of the setting that was asked most."""
        return max(score.questions for score in self.scores.values())


def subtasks(findings: Findings) -> tuple[Part, ...]:
    """The sub-tasks of each benchmark, and then the finer categories; each question counts once in a part."""
    return (
        *_parts(SUBTASK, findings, lambda s: [(s.benchmark, s.subtask)] if s.subtask is not None else []),
        *_parts(FINER, findings, lambda s: [("", group) for group in s.groups]),
    )


def subtasks_csv(parts: Iterable[Part]) -> str:
    """One line for each part and setting; shares of 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for part in parts:
        for setting, s in part.scores.items():
            first = (part.kind, part.name, " ".join(part.benchmarks), setting)
            writer.writerow(
                (*first, s.seeds, s.questions, s.mean, "" if s.sd is None else s.sd, s.undecided, s.highest)
            )
    return out.getvalue()


def _parts(kind: str, findings: Findings, keys_of: KeysOf) -> Iterable[Part]:
    by_setting = {setting: part_scores(kept, keys_of) for setting, kept in findings.trials.items()}
    benchmarks: dict[Key, dict[str, None]] = {}
    for kept in findings.trials.values():
        for sample in (s for trial in kept for s in trial.samples):
            for key in keys_of(sample):
                benchmarks.setdefault(key, {})[sample.benchmark] = None
    for key, names in benchmarks.items():
        scores = {setting: found[key] for setting, found in by_setting.items() if key in found}
        yield Part(kind=kind, name=key[1], benchmarks=tuple(names), scores=scores)
