"""lmms-eval's own numbers of a public benchmark: a model that gives recorded answers, and its task as it is shipped."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from shallowsight.evaluate.harness import require_lmms_eval, run_lmms_eval
from shallowsight.evaluate.public.tasks import task_file
from shallowsight.evaluate.seen_pictures import Seen
from shallowsight.study.public_benchmarks import find_public

Say = Callable[[Mapping[str, Any], int], str]  # a row and its number -> an answer


def recorded_model(say: Say, folder: Path) -> Any:
    """A model of lmms-eval that answers as it is told; `folder` is for the files of lmms-eval."""
    require_lmms_eval(folder)
    from lmms_eval.api.model import lmms

    class Recorded(lmms):  # type: ignore[misc]  # lmms-eval has no types
        is_simple = True

        def __init__(self) -> None:
            super().__init__()
            self.refused: dict[tuple[str, int], str] = {}
            self.picture_of: dict[tuple[str, int], str] = {}

        def generate_until(self, requests: list[Any]) -> list[str]:
            found = []
            for request in requests:
                _, _, show, number, task, split = request.args
                doc = self.task_dict[task][split][number]
                (shown,) = show(doc)
                self.picture_of[task, number] = Seen.of(partial(_itself, shown)).key
                found.append(say(doc, number))
            return found

        def loglikelihood(self, requests: list[Any]) -> list[Any]:
            raise NotImplementedError("no task of the tests asks for it")

        def generate_until_multi_round(self, requests: list[Any]) -> list[Any]:
            raise NotImplementedError("no task of the tests asks for it")

    return Recorded()


def _itself(picture: Image.Image) -> Image.Image:
    return picture


def own_numbers(name: str, model: Any, mirror: Path, folder: Path) -> dict[str, float]:
    """lmms-eval's numbers, of its own task with nothing replaced but the place of the rows; makes the folder."""
    benchmark = find_public(name)
    assert benchmark is not None
    folder.mkdir(parents=True)
    changed = {"task": "theirs", "dataset_path": str(mirror / name), "dataset_name": None}
    if name == "gqa":
        changed["process_docs"] = None
    text = f"include: {task_file(benchmark)}\n" + yaml.safe_dump(changed)
    if name == "mmbench":  # whose second metric writes a spreadsheet
        text += (
            "metric_list:\n- metric: gpt_eval_score\n  aggregation: !function "
            "lmms_eval.tasks.mmbench.en_utils.mmbench_aggregate_dev_results_static\n  higher_is_better: true\n"
        )
    (folder / "theirs.yaml").write_text(text)
    found = run_lmms_eval(model, ["theirs"], folder)["results"]["theirs"]
    return {key.removesuffix(",none"): value for key, value in found.items() if key.endswith(",none")}
