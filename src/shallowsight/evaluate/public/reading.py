"""Read the score of each question from the samples that lmms-eval logs."""

from collections.abc import Mapping, Sequence
from typing import Any

from shallowsight.data.boxes import overlap
from shallowsight.data.public.mirror import NotRunnable
from shallowsight.study.public_benchmarks import PublicBenchmark, Reading

Sample = Mapping[str, Any]
HALF = 0.5  # the least overlap (IoU) of a box that counts as right
_FIELDS = ("score", "is_correct")


def official_score(benchmark: PublicBenchmark, sample: Sample) -> float | None:
    """The score from 0 to 1 that lmms-eval gives an answer; None where lmms-eval scores no single answer.

    Raises:
        NotRunnable: the sample has no score that can be read.
    """
    reading = benchmark.reading
    if reading is None:
        return _found(benchmark, sample)
    if reading.rule in {"rotations", "judge", "caption"}:
        return None
    value = _value(benchmark, reading, sample)
    if reading.rule == "box":
        said, true = value["pred"], value["bbox"]
        return float(_overlap(said, true) >= HALF)
    if reading.equal is not None:
        one, other = (str(value[name]).strip().lower() for name in reading.equal)
        return float(one == other)
    return float(value if reading.field is None else value[reading.field])


def prediction(sample: Sample) -> str:
    """The model's answer."""
    given = sample["filtered_resps"][0]
    return str(given[0] if isinstance(given, list) else given)


def _value(benchmark: PublicBenchmark, reading: Reading, sample: Sample) -> Any:
    for metric in reading.metrics:
        if metric in sample:
            return sample[metric]
    raise NotRunnable(f"lmms-eval's samples of {benchmark.name} have none of {', '.join(reading.metrics)}")


def _found(benchmark: PublicBenchmark, sample: Sample) -> float:
    """Of a task without a data file: the first metric that is a number from 0 to 1, or that has one."""
    for value in sample.values():
        if isinstance(value, Mapping):
            value = next((value[name] for name in _FIELDS if name in value), None)
        if isinstance(value, bool | float) and 0 <= value <= 1:
            return float(value)
    raise NotRunnable(f"lmms-eval's samples of {benchmark.name} have no score from 0 to 1 for each question")


def _overlap(said: Sequence[float], true: Sequence[float]) -> float:
    left, top, right, bottom = said
    if right <= left or bottom <= top:
        return 0.0
    a, b, c, d = true
    return overlap((left, top, right, bottom), (a, b, c, d))
