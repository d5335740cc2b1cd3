"""What the probes of a study found, as the probing step wrote it into probes.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ProbeScore:
    """The share of right answers of one layer's probes."""

    accuracy: float  # mean over seeds
    sd: float  # between seeds
    error: float  # standard error for other test pictures


@dataclass(frozen=True, kw_only=True)
class ProbedBenchmark:
    """One benchmark, at every layer."""

    name: str
    category: str
    n: int
    rare_test: float  # share of the questions whose answer the probes cannot give
    without_picture: ProbeScore
    layers: Mapping[int, ProbeScore]


@dataclass(frozen=True, kw_only=True)
class Probes:
    """All benchmarks that were probed, and why the others were not."""

    seeds: int
    benchmarks: tuple[ProbedBenchmark, ...]
    skipped: Mapping[str, str]


def read_probes(found: Mapping[str, Any]) -> Probes:
    """The content of probes.json.

    Raises:
        KeyError, TypeError, ValueError: it does not have the agreed form.
    """
    return Probes(
        seeds=int(found["seeds"]),
        benchmarks=tuple(
            ProbedBenchmark(
                name=str(each["name"]),
                category=str(each["category"]),
                n=int(each["n"]),
                rare_test=float(each["rare_test"]),
                without_picture=_score(each["without_picture"]),
                layers={int(row["layer"]): _score(row) for row in each["layers"]},
            )
            for each in found["benchmarks"]
        ),
        skipped={str(name): str(reason) for name, reason in found["skipped"].items()},
    )


def _score(row: Mapping[str, Any]) -> ProbeScore:
    return ProbeScore(accuracy=float(row["accuracy"]), sd=float(row["sd"]), error=float(row["error"]))
