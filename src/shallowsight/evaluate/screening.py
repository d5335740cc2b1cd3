"""Ask a trained model about some of the pictures first, and say whether it clearly loses in every category.

The questions, lmms-eval and the scores are those of the whole evaluation, and so is the log of answers: an evaluation
that goes on asks nothing twice.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from shallowsight.data.public.choose import chosen_rows, groups_of_rows, write_rows
from shallowsight.data.public.mirror import DATA
from shallowsight.data.records import Record
from shallowsight.evaluate.harness import Evaluated, ask_own, open_model, require_lmms_eval, run_lmms_eval
from shallowsight.evaluate.public.asking import PublicSet, ask
from shallowsight.evaluate.screened import looks_of, screened
from shallowsight.evaluate.tasks import LocalTask, Reader, local_tasks, write_files
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.early_stop import SCREEN


def screen(asked: Evaluated, usual: str, samples: Sequence[Record], out: Path, work: Path) -> None:
    """Write screen.json. `samples` are the rows of samples.jsonl of the setting `usual`; `work` is a temporary folder.

    Raises:
        MissingPackage: lmms-eval is not installed.
        DataRefused: all questions of a benchmark are too long.
    """
    require_lmms_eval(work)
    questions = _Questions.of(asked, samples)
    with closing(open_model(asked)) as model:
        found = screened(usual, samples, partial(_ask, questions, model, work))
    (out / SCREEN).write_text(found.model_dump_json(indent=1), encoding="utf-8")


@dataclass(frozen=True)
class _PublicRows:
    """The rows of a public benchmark that a whole evaluation asks, and at which look each is asked."""

    public: PublicSet
    folder: Path
    rows: Sequence[int]  # of the set, in the order of the evaluation
    looks: Sequence[int]  # of each of them

    @classmethod
    def of(cls, public: PublicSet, folder: Path, most: int, samples: Sequence[Record]) -> "_PublicRows":
        groups = groups_of_rows(public.benchmark, folder)
        some = most and most < len(groups)
        rows = chosen_rows(groups, most) if some else list(range(len(groups)))
        pictures: dict[str, str] = {}  # group -> its first picture: what is asked about one picture stays together
        for row in samples:
            pictures.setdefault(groups[rows[int(row["id"])]], row["image_id"])
        names = [pictures.get(groups[row], groups[row]) for row in rows]
        looks = looks_of(names)
        return cls(public, folder, rows, [looks[name] for name in names])

    def at(self, look: int) -> list[int]:
        """Places among `rows`."""
        return [place for place, own in enumerate(self.looks) if own == look]


@dataclass(frozen=True)
class _Questions:
    """Everything that a whole evaluation asks."""

    own: Sequence[LocalTask]
    looks: Mapping[str, int]  # of each picture of these
    public: Sequence[_PublicRows]

    @classmethod
    def of(cls, asked: Evaluated, samples: Sequence[Record]) -> "_Questions":
        from shallowsight.model.checkpoint import load_reading

        experiment = asked.experiment
        local = [find_benchmark(name) for name in experiment.own_benchmarks]
        tokenizer, tower = load_reading(asked.checkpoint)
        tasks, _ = local_tasks(local, asked.data, Reader(tokenizer, experiment, tower))
        most = experiment.data.benchmark_rows
        public = []
        for each in asked.public:
            theirs = [row for row in samples if row["benchmark"] == each.benchmark.name]
            if theirs and each.folder is not None:
                public.append(_PublicRows.of(each, each.folder, most, theirs))
        shown = {task.benchmark.name for task in tasks}
        looks = looks_of(row["image_id"] for row in samples if row["benchmark"] in shown)
        return cls(tasks, looks, public)


def _picture(row: Record) -> str:
    return str(row["image"] or row["id"])


def _ask(questions: _Questions, model: Any, work: Path, look: int) -> list[Record]:
    """Ask what belongs to one look; rows as in samples.jsonl."""
    folder = work / f"look-{look}"
    folder.mkdir()
    rows = _ask_own(questions, model, folder, look)
    for number, public in enumerate(questions.public):
        rows += _ask_public(public, model, folder / f"public-{number}", look)
    return rows


def _ask_own(questions: _Questions, model: Any, folder: Path, look: int) -> list[Record]:
    # A question that the other setting was not asked waits for the whole evaluation.
    parts = [
        replace(task, rows=[row for row in task.rows if questions.looks.get(_picture(row)) == look])
        for task in questions.own
    ]
    tasks = [task for task in parts if task.rows]
    if not tasks:
        return []
    write_files(tasks, folder)
    return ask_own([task.benchmark for task in tasks], model, folder)[0]


def _ask_public(public: _PublicRows, model: Any, folder: Path, look: int) -> list[Record]:
    places = public.at(look)
    if not places:
        return []
    part, work = folder / "set", folder / "work"
    (part / DATA).mkdir(parents=True)
    work.mkdir()
    write_rows(public.folder, [public.rows[place] for place in places], part / DATA / "part.parquet")
    # lmms-eval numbers the rows of each look anew.
    model.refused.clear()
    model.picture_of.clear()
    found = ask(replace(public.public, folder=part), 0, model, partial(run_lmms_eval, model), work).rows
    return [row | {"id": str(places[int(row["id"])])} for row in found]
