"""What the paper's experiments cost, computed: `python -m benchmarks.paper_forecast` prints docs/costs.md's table."""

from shallowsight.cli.forecast_table import hours, quantity
from shallowsight.cost.forecast import forecast_study
from shallowsight.cost.stages import StageForecast
from shallowsight.cost.subject import subject_named
from shallowsight.study.experiments import PAPER, STUDIES

DEVICE, GPUS = "A100-80G", 4
HEADING = "| experiment | stage | model FLOP | memory of a GPU | hours, computed | hours, stated |"
# By the paper's code, for the smallest model and LLaVA's mixture; of the others it says nothing.
STATED = {("paper-1.4b", "pretrain"): "about 2", ("paper-1.4b", "finetune"): "about 8"}


def table() -> str:
    """Markdown, one row for each stage of each experiment."""
    rows = [HEADING, "|---|---|---|---|---|---|"]
    for experiment in PAPER:
        found = forecast_study(subject_named(STUDIES[experiment.name]), DEVICE, GPUS, 1)
        rows += [_row(experiment.name, stage) for stage in found.stages]
    return "\n".join(rows)


def _row(name: str, stage: StageForecast) -> str:
    stated = STATED.get((name, stage.stage), "not stated")
    shown = f"{quantity(stage.operations.model)}", f"{stage.memory / 1e9:.0f} GB", hours(stage.seconds), stated
    return f"| {name} | {stage.stage} | {' | '.join(shown)} |"


if __name__ == "__main__":
    print(table())
