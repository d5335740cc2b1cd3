"""Write a public benchmark as an lmms-eval task over its set on this machine, with lmms-eval's own functions."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from shallowsight.data.public.mirror import NotRunnable
from shallowsight.study.public_benchmarks import LMMS, PublicBenchmark, Source


def write_public_task(benchmark: PublicBenchmark, split: str, rows: list[Path], folder: Path) -> None:
    """Write the task's YAML into `folder`; `rows` are parquet files.

    Raises:
        NotRunnable: lmms-eval has no such task.
    """
    own: dict[str, Any] = {
        "task": benchmark.task,
        # Of lmms-eval's file everything stays but where the rows are.
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {split: [str(path) for path in rows]}},
        "test_split": split,
    }
    if benchmark.source is not None and benchmark.source.pictures is not None:
        own["process_docs"] = None  # it would fetch the pictures, which the set's rows have
    if benchmark.prompt is not None:
        own["lmms_eval_specific_kwargs"] = {"default": {"pre_prompt": benchmark.prompt, "post_prompt": ""}}
    if benchmark.longest is not None:
        own["generation_kwargs"] = {"until": ["ASSISTANT:"], "max_new_tokens": benchmark.longest}
    text = f"include: {task_file(benchmark)}\n" + yaml.safe_dump(own, sort_keys=False)
    # Written as text, because a YAML library does not know lmms-eval's tag `!function`.
    if benchmark.needs_judge:
        text += "process_results: !function functions.answer_alone\n"
        text += "metric_list:\n- metric: answer\n  aggregation: !function functions.count\n  higher_is_better: true\n"
    elif benchmark.aggregation:
        text += "metric_list:\n"
        for metric, function in benchmark.aggregation.items():
            how = f"!function {function}" if "." in function else function
            text += f"- metric: {metric}\n  aggregation: {how}\n  higher_is_better: true\n"
    (folder / f"{benchmark.task}.yaml").write_text(text, encoding="utf-8")


def task_file(benchmark: PublicBenchmark) -> Path:
    """lmms-eval's YAML of the task.

    Raises:
        NotRunnable: it has none.
    """
    tasks = _tasks_folder()
    if benchmark.yaml is not None:
        path = tasks / benchmark.yaml
        if not path.is_file():
            raise NotRunnable(
                f"the lmms-eval of this machine has no {benchmark.yaml}; constraints.txt names the version"
            )
        return path
    name = benchmark.name.removeprefix(LMMS)
    found = sorted(path for path in tasks.rglob(f"{name}.yaml") if _content(path).get("task") == name)
    if not found:
        raise NotRunnable(f"lmms-eval has no task {name!r} with a file of its own ({name}.yaml); groups are not asked")
    return found[0]


def source_of(benchmark: PublicBenchmark) -> Source:
    """Where the rows are: as the benchmark's data file says, or else lmms-eval's.

    Raises:
        NotRunnable: lmms-eval has no such task, or does not say where its rows are.
    """
    if benchmark.source is not None:
        return benchmark.source
    path = task_file(benchmark)
    merged = _content(path)
    while "include" in merged:
        above = path.parent / str(merged.pop("include"))
        merged = _content(above) | merged
        path = above
    if not isinstance(merged.get("dataset_path"), str) or not merged.get("test_split"):
        raise NotRunnable(f"{path.name} of lmms-eval does not say where the rows of {benchmark.name} are")
    return Source(repository=merged["dataset_path"], config=merged.get("dataset_name"), split=str(merged["test_split"]))


def _tasks_folder() -> Path:
    spec = find_spec("lmms_eval")
    if spec is None or spec.submodule_search_locations is None:
        raise NotRunnable("lmms-eval is not installed")
    return Path(spec.submodule_search_locations[0]) / "tasks"


class _Loader(yaml.SafeLoader):
    """Reads lmms-eval's files, whose functions are of no interest here."""


_Loader.add_constructor("!function", lambda loader, node: None)


def _content(path: Path) -> dict[str, Any]:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
