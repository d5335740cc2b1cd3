"""A forecast as a table for a person."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from rich import box
from rich.console import Console
from rich.table import Table

from shallowsight.cost.by_setting import SettingForecast
from shallowsight.cost.forecast import Outlook, StudyForecast
from shallowsight.cost.machines import Span
from shallowsight.cost.stages import StageForecast
from shallowsight.study.counts import counted


def outlook_lines(outlook: Outlook) -> Iterator[str]:
    """The forecast for a study's missing cells on this machine."""
    cost = outlook.cost
    span = f"{duration(cost.low)} to {duration(cost.high)}"
    yield f"forecast for this machine: {span}, {cost.storage / 1e6:.0f} MB of features on disk"
    for stage, models in outlook.stages:
        found = stage.operations
        work = f"{quantity(found.hardware)}FLOP"
        if found.hardware > 1.02 * found.model:
            work += f" ({quantity(found.model)}FLOP without recomputation and padding)"
        yield f"  {stage.stage}: {counted(models, 'model')}, {work}, {memory(stage)} of memory each"


def print_forecast(console: Console, found: StudyForecast) -> None:
    """Print a column for each stage of one model, the sum over all models, and the assumptions behind the numbers."""
    subject, gpus = found.subject, found.gpus
    where = f"{gpus} x {found.device}" if gpus else "this machine's CPU"
    tower, language = subject.tower, subject.base.language.model
    layers = f"layer{'s' * (len(found.setting.layers.indices) > 1)} {found.setting}"
    console.print(f"{subject.study.name} on {where}", highlight=False)
    console.print(
        f"tower {tower.name}, {counted(tower.depth, 'layer')}; language model {language}, "
        f"{quantity(subject.language.parameters)} parameters; one model at {layers}:",
        highlight=False,
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("")
    for stage in found.stages:
        table.add_column(stage.stage, justify="right")
    for name, value in _ROWS.items():
        table.add_row(name, *(value(stage) for stage in found.stages))
    if gpus:
        table.add_row("GPU-hours", *(hours(stage.seconds * gpus) for stage in found.stages))
    console.print(table)
    if len(found.settings) > 1:
        console.print(_settings(found.settings))
    total = f"{'all ' if found.models > 1 else ''}{counted(found.models, 'model')}: {times(found.seconds)}"
    total += f", {hours(found.seconds * gpus)} GPU-hours of training" if gpus else ", every step counted"
    console.print(f"{total}; {quantity(found.storage)}B of checkpoints and cached features", highlight=False)
    console.print(_RESTS_ON[bool(gpus)], highlight=False)


_RESTS_ON = {
    True: "Operations, memory and storage are computed from shapes; hours assume a share of the GPU's peak, between "
    "what the paper's own hours come to and the best that is published. Lengths of texts are counted in files that are "
    "here and assumed otherwise. Left out: data gate, analysis, evaluation, waiting for data.",
    False: "Operations, memory and storage are computed from shapes; hours follow from passes timed just now.",
}
_ROWS: dict[str, Callable[[StageForecast], str]] = {
    "samples": lambda stage: f"{stage.samples:,}",
    "updates": lambda stage: f"{stage.updates:,}",
    "image tokens": lambda stage: f"{stage.image_tokens:,}",
    "model FLOP": lambda stage: quantity(stage.operations.model),
    "hardware FLOP": lambda stage: quantity(stage.operations.hardware),
    "peak memory": lambda stage: memory(stage),
    "micro-batch": lambda stage: f"{stage.micro_batch} of {stage.own_batch}",
    "a saved state": lambda stage: f"{quantity(stage.state)}B",
    "checkpoint": lambda stage: f"{quantity(stage.checkpoint)}B",
    "time": lambda stage: times(stage.seconds),
}


def _settings(settings: Sequence[SettingForecast]) -> Table:
    """A row for each setting, or for several that cost about the same."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("one model at", min_width=24, overflow="fold")
    for name in ("image tokens", "connecting parameters", "model FLOP", "peak memory", "time"):
        table.add_column(name, justify="right")
    for each in settings:
        table.add_row(
            f"{each.setting}" + (f" ({each.others} more alike)" if each.others else ""),
            f"{each.image_tokens:,}",
            quantity(each.parameters),
            quantity(each.operations),
            memory(each),
            times(each.seconds),
        )
    return table


def memory(stage: StageForecast | SettingForecast) -> str:
    """The memory of each GPU, or of the process on a CPU."""
    return f"{stage.memory / 1e9:.1f} GB" + ("" if stage.fits else ", does not fit")


def hours(span: Span) -> str:
    """`1.1 - 4.4`."""
    return " - ".join(
        f"{seconds / 3600:.2g}" if seconds < 36e3 else f"{seconds / 3600:,.0f}" for seconds in (span.low, span.high)
    )


def times(span: Span) -> str:
    """The time as text, with a suitable unit."""
    if span.high >= 3600:
        return f"{hours(span)} h"
    return f"{span.low / 60:.2g} - {span.high / 60:.2g} min"


def quantity(number: float) -> str:
    """`1.9 E`: two or three digits and the prefix of a power of a thousand."""
    for size, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {prefix}"
    return f"{number:.3g} "


def duration(seconds: float) -> str:
    """A number of seconds as text for a person."""
    return str(timedelta(seconds=round(seconds))) if seconds >= 3600 else f"{seconds / 60:.1f} min"
