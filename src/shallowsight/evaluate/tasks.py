"""Write the local benchmarks as lmms-eval tasks for one trained model: a YAML file and rows for each."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from shallowsight.data.conversation import TEMPLATES, Template, answer_length
from shallowsight.data.lengths import add_question, asked_questions, require_fitting
from shallowsight.data.plain_text import Tokenizer, sayable
from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.data.records import Record
from shallowsight.data.shortened import Shortened
from shallowsight.study.benchmarks import Benchmark
from shallowsight.study.experiment import Experiment
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.resolved import TowerFacts

SHORTEST_LIMIT, LONGEST_LIMIT = 8, 256  # tokens that an answer may have

# A module that is written into the task's folder, where lmms-eval's `!function` finds it.
_TASK_FUNCTIONS = """from shallowsight.evaluate.local_task import doc_to_text, doc_to_visual, mean, process_results

__all__ = ["doc_to_text", "doc_to_visual", "mean", "process_results"]
"""


def task_name(benchmark: Benchmark) -> str:
    """The task's name, which is also a file name and unique: a user's kind of question may contain any characters."""
    return "shallowsight_" + re.sub(r"\W", lambda found: f"-{ord(found[0]):x}-", benchmark.name)


@dataclass(frozen=True)
class Reader:
    """Measures texts for a trained model: its tokenizer, its template and its maximum length."""

    tokenizer: Tokenizer
    experiment: Experiment
    tower: TowerFacts

    @property
    def template(self) -> Template:
        return TEMPLATES[self.experiment.finetune.template]

    def fitting(self, questions: Iterable[Record]) -> tuple[list[Record], Shortened]:
        """The questions that fit the model's length, and a list of those that do not."""
        tokens = image_tokens(self.experiment, self.tower)
        found = Shortened(self.experiment.language.max_length)
        fit = [q for q in questions if add_question(found, q, self.template, self.tokenizer, tokens)]
        return fit, found


@dataclass(frozen=True)
class LocalTask:
    """The questions of one benchmark, as rows of its task."""

    benchmark: Benchmark
    rows: list[Record]
    max_new_tokens: int  # of an answer

    @property
    def name(self) -> str:
        return task_name(self.benchmark)


def write_tasks(benchmarks: Sequence[Benchmark], data: Path, reader: Reader, folder: Path) -> Shortened:
    """Write one lmms-eval task for each benchmark into `folder`; returns which questions are too long to be asked.

    Raises:
        DataRefused: all questions of a benchmark are too long.
    """
    tasks, shortened = local_tasks(benchmarks, data, reader)
    write_files(tasks, folder)
    return shortened


def local_tasks(benchmarks: Sequence[Benchmark], data: Path, reader: Reader) -> tuple[list[LocalTask], Shortened]:
    """One task for each benchmark, and which questions are too long to be asked; raises as `write_tasks`."""
    questions, shortened = reader.fitting(asked_questions((b.name for b in benchmarks), data))
    found = []
    for benchmark in benchmarks:
        rows = [
            q
            | {
                "shards": str(data),
                "sayable": [sayable(text, reader.tokenizer) for text in (q["answer"], *q["accepted"])],
            }
            for q in questions
            if benchmark.question_kind in (None, q["kind"])
        ]
        require_fitting(benchmark.name, len(rows), shortened.limit)
        # The limit allows a token for every byte, because a model may spell a word in more tokens than its tokenizer.
        answers = [text for row in rows for text in (row["answer"], *row["accepted"])]
        longest = max(
            max(len(text.encode()), answer_length(text, reader.template, reader.tokenizer)) for text in answers
        )
        found.append(LocalTask(benchmark, rows, min(max(longest, SHORTEST_LIMIT), LONGEST_LIMIT)))
    return found, shortened


def write_files(tasks: Iterable[LocalTask], folder: Path) -> None:
    """Write the files of tasks that lmms-eval reads."""
    (folder / "functions.py").write_text(_TASK_FUNCTIONS, encoding="utf-8")
    for task in tasks:
        rows = folder / f"{task.name}.parquet"
        _write_rows(task.rows, rows)
        text = _task_yaml(task.name, rows, task.max_new_tokens)
        (folder / f"{task.name}.yaml").write_text(text, encoding="utf-8")


def _write_rows(rows: Sequence[Record], path: Path) -> None:
    """Write every column as text: from JSON, answers that look like dates would be read as times."""
    import pyarrow as pa
    import pyarrow.parquet

    texts = pa.list_(pa.string())
    lists = {EARLIER_TURNS: pa.list_(texts), "accepted": texts, "sayable": texts}
    columns = {key: pa.array([row[key] for row in rows], lists.get(key, pa.string())) for key in rows[0]}
    pyarrow.parquet.write_table(pa.table(columns), path)


def _task_yaml(name: str, rows: Path, max_new_tokens: int) -> str:
    task = {
        "task": name,
        "dataset_path": "parquet",
        "dataset_kwargs": {"data_files": {"test": str(rows)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_target": "answer",
        # By default lmms-eval ends an answer at an empty line, but true answers may contain one.
        "generation_kwargs": {"max_new_tokens": max_new_tokens, "do_sample": False, "until": []},
        "metadata": [{"version": 1.0}],
    }
    # Written as text, because a YAML library does not know lmms-eval's tag `!function`.
    functions = (
        "doc_to_visual: !function functions.doc_to_visual\n"
        "doc_to_text: !function functions.doc_to_text\n"
        "process_results: !function functions.process_results\n"
        "metric_list:\n- metric: accuracy\n  aggregation: !function functions.mean\n  higher_is_better: true\n"
    )
    return yaml.safe_dump(task, sort_keys=False) + functions
