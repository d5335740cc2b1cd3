"""Public benchmarks: a data file for each says where its rows are, and how lmms-eval's samples are read."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field

from shallowsight.study.fields import Names, Part, Positive

PAPER_CATEGORIES = ("general", "OCR", "vision-centric", "hallucination")
LMMS = "lmms:"  # lmms:docvqa_val names any task of lmms-eval
Rule = Literal["rotations", "box", "judge", "caption"]
Ours = Literal["yes_no", "pairs", "option", "rotations", "share", "sources"]
SUBMISSIONS = "submissions"  # folder of an evaluation, and of a report
_FOLDER = "public"


class PictureTable(Part):
    """A second table of a repository that has the pictures: row `id` belongs to the rows that name it in `by`."""

    config: str
    id: str
    by: str


class Source(Part):
    """Where a benchmark's rows are on the hub."""

    repository: str
    config: str | None = None
    split: str
    revision: str | None = None  # None: the commit that a fetch finds, which its record then names
    keep: dict[str, str] = Field(default_factory=dict)  # column -> value of the rows that are asked
    pictures: PictureTable | None = None


class Reading(Part):
    """How one question's score is read from a sample of lmms-eval: from the first of the metrics that it has."""

    metrics: Names
    field: str | None = None  # of the metric's value; None: the value itself
    equal: tuple[str, str] | None = None  # right where two fields are equal
    rule: Rule | None = None


class Together(Part):
    """Rows with the same key are asked all or none: (value - first) // of, then the rest by `modulo`."""

    column: str
    first: int = 0
    of: Positive = 1
    modulo: Positive | None = None

    def key(self, value: object) -> str:
        if not isinstance(value, int):
            return str(value)
        number = (value - self.first) // self.of
        return str(number if self.modulo is None else number % self.modulo)


class Submission(Part):
    """The file with all answers that a benchmark's server scores."""

    ending: Literal["xlsx", "json"]  # a spreadsheet or a list of entries
    metric: str = "submission"  # lmms-eval's, whose value for an answer is an entry
    named_by: str | None = None  # column whose value names an answer in a JSON object, in place of entries
    to: str  # where it is sent

    def needs_all(self, rows: int, most: int) -> str:
        """Why there is no file where only some of the rows are asked."""
        return f"its server takes all {rows:,} answers, and data.benchmark_rows={most} asks fewer; set it to 0"


class PublicBenchmark(Part):
    """One benchmark that anybody can fetch. All but `name` stands in its data file."""

    name: str
    says: str
    category: str
    yaml: str | None = None  # of the task, below lmms-eval's tasks; None: a task of the name after `lmms:`
    source: Source | None = None  # None: what lmms-eval's file says
    columns: Names = ()  # that a row must have
    official: dict[str, float] = Field(
        default_factory=dict
    )  # lmms-eval's metric -> its largest value; empty: all that it gives
    aggregation: dict[str, str] = Field(
        default_factory=dict
    )  # replaces lmms-eval's list of metrics, for those that write files
    reading: Reading | None = None  # None: a number from 0 to 1, or a field `score` or `is_correct`
    ours: Ours | None = None  # the rule of the repaired numbers, where lmms-eval's are faulty or too narrow
    options: Names = ()  # columns of the options' texts, A first
    subtask: str | None = None  # column
    subtask_names: dict[str, str] = Field(default_factory=dict)
    group_column: str | None = None  # column that `groups` lists values of; None: the sub-task
    groups: dict[str, Literal["all"] | tuple[str, ...]] = Field(default_factory=dict)  # finer category -> sub-tasks
    together: Together | None = None  # rows that a limit may not part
    marks_pictures: bool = False  # draws into them, so that one picture looks like many
    prompt: str | None = None  # in place of lmms-eval's words before the question
    longest: Positive | None = None  # tokens of an answer, where lmms-eval says none
    chance: float | None = None
    submission: Submission | None = None  # without `reading`: nothing else comes of its answers

    @property
    def folder(self) -> str:
        """Its folder in a mirror."""
        return self.name.replace(":", "-")

    @property
    def task(self) -> str:
        """The name of its task for lmms-eval; one of lmms-eval's own names would be taken for lmms-eval's own file."""
        return f"shallowsight_public_{self.folder}"

    @property
    def needs_judge(self) -> bool:
        return self.reading is not None and self.reading.rule == "judge"

    @property
    def scores_captions(self) -> bool:
        return self.reading is not None and self.reading.rule == "caption"

    @property
    def scored(self) -> bool:
        """Whether its answers can be scored here; where not, only its server can."""
        return self.reading is not None or self.submission is None

    @property
    def submission_file(self) -> str | None:
        """The file for its server, below the folder of an evaluation."""
        return f"{SUBMISSIONS}/{self.folder}.{self.submission.ending}" if self.submission else None

    def groups_of(self, subtask: str | None, group: str | None) -> list[str]:
        """The finer categories of a question."""
        value = group if self.group_column else subtask
        return [name for name, members in self.groups.items() if members == "all" or value in members]


@cache
def public_benchmarks() -> Mapping[str, PublicBenchmark]:
    """Every benchmark that has a data file, by name."""
    texts = {
        path.name.removesuffix(".yaml"): path.read_text(encoding="utf-8")
        for path in files("shallowsight.study").joinpath(_FOLDER).iterdir()
        if path.name.endswith(".yaml")
    }
    return {name: PublicBenchmark(name=name, **_content(texts[name])) for name in sorted(texts)}


def submission_files() -> tuple[str, ...]:
    """The files for servers that an evaluation may have, below its folder."""
    return tuple(file for each in public_benchmarks().values() if (file := each.submission_file))


def find_public(name: str) -> PublicBenchmark | None:
    """A public benchmark, or None where the name is of another kind."""
    if name.startswith(LMMS) and name != LMMS:
        task = name.removeprefix(LMMS)
        return PublicBenchmark(name=name, says=f"lmms-eval's task {task}", category=task)
    return public_benchmarks().get(name)


def _content(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)
    return found
