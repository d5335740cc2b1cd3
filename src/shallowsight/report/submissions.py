"""The files that servers of public benchmarks score, as they lie beside the page."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from shallowsight.report.values import Study, Submission
from shallowsight.study.public_benchmarks import SUBMISSIONS


@dataclass(frozen=True, kw_only=True)
class ForServer:
    """One benchmark's answers of one setting and seed."""

    benchmark: str
    setting: str
    label: str
    seed: int
    found: Submission

    @property
    def file(self) -> str:
        """Its name below the report's folder; empty where there is none."""
        plain = re.sub(r"[^\w.,-]", "_", self.setting)  # a setting may have `:` and `+`
        return (
            f"{SUBMISSIONS}/{plain}-seed-{self.seed}-{PurePosixPath(self.found.file).name}" if self.found.file else ""
        )

    def row(self) -> dict[str, Any]:
        """What report.json says of it."""
        return {
            "benchmark": self.benchmark,
            "setting": self.setting,
            "seed": self.seed,
            "file": self.file or None,
            "why": self.found.why,
            "answers": self.found.answers,
            "refused": self.found.refused,
            "to": self.found.to,
        }


def for_servers(study: Study) -> list[ForServer]:
    """The submissions of all finished models, benchmark after benchmark."""
    found = [
        ForServer(benchmark=name, setting=member.setting, label=member.label, seed=trial.seed, found=submission)
        for member in study.members
        for trial in member.done
        for name, submission in trial.submissions.items()
    ]
    names = list(dict.fromkeys(each.benchmark for each in found))
    return sorted(found, key=lambda each: names.index(each.benchmark))


def submission_contents(study: Study) -> dict[str, bytes]:
    """Name below the report's folder -> content."""
    return {each.file: each.found.content for each in for_servers(study) if each.file}
