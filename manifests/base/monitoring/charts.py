"""What the dashboard shows: rows of lines of charts. How it looks is in dashboard.py."""

from dataclasses import dataclass
from typing import Literal

_CHOSEN = 'study=~"$study",cell=~"$cell",stage=~"$stage"'
_CELL = "{{study}} {{cell}} {{stage}}"
_NODE = "{{cell}} {{stage}} {{node}}"
_GPU = "{{pod}} {{UUID}}"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One panel with one query."""

    title: str
    description: str
    unit: str  # a name of Grafana's, or the text to write behind the number
    query: str
    legend: str = _CELL
    kind: Literal["curves", "number", "bars"] = "curves"
    top: float | None = None  # end of the axis
    red_from: float | None = None


def chosen(metric: str) -> str:
    """Of the studies, cells and stages that the user has chosen."""
    return f"{metric}{{{_CHOSEN}}}"


def _hours(gpus: str) -> str:
    """GPU-hours in the time shown: one sample a minute of a number of GPUs."""
    return f"sum_over_time({gpus}[$__range:1m]) / 60"


TRAININGS = Chart(
    title="Trainings now",
    description="Trainings that are running.",
    unit="short",
    query=f"count(count by (study, cell, stage) ({chosen('shallowsight:running:last5m')} == 1)) or vector(0)",
    legend="trainings",
    kind="number",
)
ALERTS = Chart(
    title="Alerts",
    description="Alerts of shallowsight that fire now, of all studies.",
    unit="short",
    query='count(ALERTS{alertname=~"Shallowsight.*",alertstate="firing"}) or vector(0)',
    legend="alerts",
    kind="number",
    red_from=1,
)
DONE = Chart(
    title="Share done",
    description="Updates done of those planned. After a crash it goes back to the last state.",
    unit="percentunit",
    query=chosen("shallowsight:done:ratio"),
    kind="bars",
    top=1,
)
TO_GO = Chart(
    title="Time to go",
    description="Of the trainings that run, at their pace so far; without evaluation, and without what waits.",
    unit="s",
    query=f"{chosen('shallowsight:remaining:seconds')} and on (study, cell, stage) shallowsight:running:last5m == 1",
    kind="bars",
)
LOSS = Chart(
    title="Loss",
    description="Mean cross-entropy of the last update over its supervised tokens.",
    unit="nats",
    query=chosen("shallowsight:loss_nats:last"),
)
LEARNING_RATE = Chart(
    title="Learning rate",
    description="Of the last update.",
    unit="sci",
    query=f"max by (study, cell, stage) ({chosen('shallowsight_train_learning_rate')})",
)
MFU = Chart(
    title="MFU",
    description="Operations of the model itself, without recomputation, as a share of what the devices can do, over"
    " five minutes. Pauses count. Empty where the peak of the device is not known.",
    unit="percentunit",
    query=chosen("shallowsight:mfu:ratio_rate5m"),
    top=1,
)
TOKENS = Chart(
    title="Tokens per second",
    description="Text and image tokens seen by the language model, over five minutes.",
    unit="tokens/s",
    query=chosen("shallowsight:tokens:rate5m"),
)
SAMPLES = Chart(
    title="Samples per second",
    description="Training samples, over five minutes.",
    unit="samples/s",
    query=chosen("shallowsight:samples:rate5m"),
)
UPDATES = Chart(
    title="Updates per second",
    description="Optimizer updates, over five minutes.",
    unit="updates/s",
    query=chosen("shallowsight:updates:rate5m"),
)
UTILISATION = Chart(
    title="Utilisation of each GPU",
    description="Share of the time in which a kernel ran. It may be far from what the GPU can do: see MFU.",
    unit="percentunit",
    query=chosen("shallowsight:gpu_utilisation:ratio"),
    legend=_GPU,
    top=1,
)
GPU_MEMORY = Chart(
    title="Memory of each GPU",
    description="In use, of all processes.",
    unit="bytes",
    query=chosen("shallowsight:gpu_memory_used:bytes"),
    legend=_GPU,
)
GPU_PEAK = Chart(
    title="Most GPU memory held",
    description="The most that the leading process of each node has held on its GPU.",
    unit="bytes",
    query=chosen("shallowsight_train_peak_device_memory_bytes"),
    legend=_NODE,
)
IDLE = Chart(
    title="Idle share",
    description="Share of a training's GPUs that are busy for less than 5 % of the time.",
    unit="percentunit",
    query=chosen("shallowsight:gpus_idle:ratio"),
    top=1,
)
GPUS_TRAINING = Chart(
    title="GPUs that train",
    description="GPUs of pods in which a training runs.",
    unit="short",
    query=chosen("shallowsight:gpus:count"),
)
GPUS_HELD = Chart(
    title="GPUs held",
    description="GPUs of all training pods, also while they fetch data or store results: what is paid for.",
    unit="short",
    query="shallowsight:gpus_held:count",
    legend="{{namespace}}",
)
HOURS = Chart(
    title="GPU-hours of training",
    description="In the time shown.",
    unit="h",
    query=_hours(chosen("shallowsight:gpus:count")),
    kind="bars",
)
HOURS_HELD = Chart(
    title="GPU-hours held",
    description="In the time shown, of all studies, training or not.",
    unit="h",
    query=_hours("shallowsight:gpus_held:count"),
    legend="{{namespace}}",
    kind="bars",
)
WAITING = Chart(
    title="Waiting for data",
    description="Share of the updates' time, over five minutes.",
    unit="percentunit",
    query=chosen("shallowsight:data_wait:ratio_rate5m"),
    top=1,
)
UPDATE_TIME = Chart(
    title="Time of an update",
    description="Nine updates of ten are faster, over five minutes.",
    unit="s",
    query="histogram_quantile(0.9, sum by (study, cell, stage, le)"
    f" (rate({chosen('shallowsight_train_update_seconds_bucket')}[5m])))",
)
MEMORY = Chart(
    title="Memory of the processes",
    description="The most that the leading process of each node has held.",
    unit="bytes",
    query=chosen("shallowsight_train_peak_memory_bytes"),
    legend=_NODE,
)
AT_RISK = Chart(
    title="Work at risk",
    description="Age of the last saved state, or time since the start: what would be lost now.",
    unit="s",
    query=chosen("shallowsight:state_age:seconds"),
)
SILENCE = Chart(
    title="Since the last update",
    description="Of each node of a training.",
    unit="s",
    query=chosen("shallowsight:last_update_age:seconds"),
    legend="{{cell}} {{stage}} {{pod}}",
)
FAILED_STATES = Chart(
    title="States that failed",
    description="In the hour before. The training goes on, and tries the next one.",
    unit="short",
    query=f"sum by (study, cell, stage) (increase({chosen('shallowsight_train_state_save_failures_total')}[1h]))",
)
QUEUED = Chart(
    title="Waiting in the queue",
    description="Workloads that Kueue has not admitted.",
    unit="short",
    query="shallowsight:queue_pending:sum",
    legend="{{cluster_queue}}",
)
ADMITTED = Chart(
    title="Running from the queue",
    description="Workloads that Kueue has admitted and that have not ended.",
    unit="short",
    query='sum by (cluster_queue) (kueue_admitted_active_workloads{cluster_queue=~"shallowsight.*"})',
    legend="{{cluster_queue}}",
)

ROWS: dict[str, tuple[tuple[Chart, ...], ...]] = {
    "Studies": ((TRAININGS, ALERTS, DONE, TO_GO), (LOSS, LEARNING_RATE, MFU), (TOKENS, SAMPLES, UPDATES)),
    "GPUs": ((UTILISATION, GPU_MEMORY, GPU_PEAK), (IDLE, GPUS_TRAINING, GPUS_HELD), (HOURS, HOURS_HELD)),
    "Data": ((WAITING, UPDATE_TIME, MEMORY),),
    "States": ((AT_RISK, SILENCE, FAILED_STATES),),
    "Queue": ((QUEUED, ADMITTED),),
}
