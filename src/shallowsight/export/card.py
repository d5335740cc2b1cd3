"""The model card: the README.md of an exported folder."""

from collections.abc import Sequence
from pathlib import Path

from shallowsight import __version__
from shallowsight.export.cell import TrainedCell
from shallowsight.export.expressible import snippet, stock_values
from shallowsight.study.experiment import SCRATCH, Experiment
from shallowsight.study.resolved import TowerFacts

_HEAD = """\
---
library_name: transformers
pipeline_tag: image-text-to-text
---
"""


def card(
    cell: TrainedCell, experiment: Experiment, tower: TowerFacts, family: str, differences: Sequence[str], out: Path
) -> str:
    """The text of README.md; `differences` are sentences without a full stop."""
    values = stock_values(experiment, tower)
    of_study = f" of the study `{cell.study}`" if cell.study else ""
    facts = [
        ("study", cell.study or "not known"),
        ("setting", f"{experiment.setting} (layers count from 1)"),
        ("connector", experiment.connector.kind),
        ("seed", str(experiment.seed)),
        ("tower", f"{cell.tower or tower.name}, layers 1 to {experiment.vision.layers.deepest} of {tower.depth}"),
        ("pictures", f"{experiment.vision.image_size} pixels, {experiment.finetune.picture}"),
        (
            "language model",
            "a small Llama trained from scratch"
            if experiment.language.model == SCRATCH
            else f"{experiment.language.model} ({family})",
        ),
        ("finetune cell", cell.digest or "not known"),
        ("written by", f"shallowsight {__version__}"),
    ]
    parts = [
        f"{_HEAD}\n# {cell.study or 'A LLaVA'}: setting {experiment.setting}, seed {experiment.seed}\n",
        f"A vision-language model{of_study}, trained by shallowsight and written as a stock "
        f"`{values['class']}` of transformers. No code beside transformers is needed to load it.\n",
        _table(("", ""), facts),
        "## How to load it\n",
        f"```python\n{snippet(out.name, 'How many apples are there?')}\n```\n",
        f"It reads `vision_feature_layer={values['vision_feature_layer']}` with "
        f'`vision_feature_select_strategy="{values["vision_feature_select_strategy"]}"`. The tower holds no layers '
        "above the deepest of these, so a negative number would mean another layer. Answers are short and greedy; "
        "questions that are unlike those of the study may get any answer.\n",
        "## Scores\n",
        _scores(cell),
        "## What is not as in the study\n",
        "".join(f"- {sentence}.\n" for sentence in differences),
    ]
    return "\n".join(parts)


def _scores(cell: TrainedCell) -> str:
    if not cell.scores:
        return "Not known: the study did not evaluate this model, or the cell was exported without its study.\n"
    rows = [
        (str(s["name"]), str(s["metric"]), f"{100 * s['value']:.1f} %", str(s["n"]), _percent(s.get("chance")))
        for s in cell.scores
    ]
    return _table(("benchmark", "metric", "value", "questions", "chance"), rows)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
