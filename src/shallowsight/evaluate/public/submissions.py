"""The files with all answers to a benchmark that its server scores, in the form that the server takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.evaluate.public.reading import Sample, prediction
from shallowsight.evaluate.public.spreadsheet import spreadsheet
from shallowsight.study.public_benchmarks import PublicBenchmark, Submission


@dataclass(frozen=True)
class Submitted:
    """What scores.json says of a benchmark's submission, and the content of the file, if there is one."""

    said: Mapping[str, Any]
    content: bytes | None = None

    @property
    def where(self) -> str:
        """In which file the answers are, or why there is none."""
        return str(self.said.get("why") or f"its answers are in {self.said['file']}, for {self.said['to']}")

    def write(self, out: Path) -> dict[str, Any]:
        """Write the file below the folder of an evaluation; returns what scores.json says of it."""
        if self.content is not None:
            path = out / str(self.said["file"])
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.content)
        return dict(self.said)


def submission_of(
    benchmark: PublicBenchmark, samples: Sequence[Sample], refused: Mapping[str, str], part: tuple[int, int | None]
) -> Submitted | None:
    """The submission with all answers; None where the benchmark has none.

    Args:
        refused: questions that were not asked; their answer is empty, because a server wants one for each.
        part: the most rows that were asked, and the rows of the set if they are more.
    """
    wanted = benchmark.submission
    if wanted is None:
        return None
    most, some_of = part
    if some_of is not None:
        return Submitted({"file": None, "why": wanted.needs_all(some_of, most), "to": wanted.to})
    said = {
        "file": benchmark.submission_file,
        "answers": len(samples),
        "refused": dict(refused),
        "to": wanted.to,
    }
    return Submitted(said, _content(wanted, samples))


def _content(wanted: Submission, samples: Sequence[Sample]) -> bytes:
    if wanted.named_by is not None:
        return json.dumps({str(sample["doc"][wanted.named_by]): prediction(sample) for sample in samples}).encode()
    entries = [dict(sample[wanted.metric]) for sample in samples]
    return spreadsheet(entries) if wanted.ending == "xlsx" else json.dumps(entries).encode()
