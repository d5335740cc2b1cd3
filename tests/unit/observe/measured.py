"""Updates of a training that is not run, and what is read back of its metrics."""

import platform
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from shallowsight.observe.metrics.exposition import Endpoint

LABELS = {"study": "demo", "cell": "c" * 16, "stage": "finetune"}


@dataclass(frozen=True)
class Done:
    """An update of a training that is not run."""

    update: int
    loss: float = 2.0
    learning_rate: float = 1e-3
    seconds: float = 0.25
    waited: float = 0.05
    tokens: int = 700
    sample_count: int = 8
    operations: float = 1e9
    peak: float = 0.0
    memory: int = 5_000_000
    device_memory: int = 0


def values(text: str) -> dict[str, float]:
    """Sample -> value, without the common beginning of all names; every sample must carry exactly our labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            more = {label: value for label, value in sample.labels.items() if label in {"le", "reason"}}
            assert sample.labels == LABELS | {"node": platform.node()} | more
            name = sample.name.removeprefix("shallowsight_train_")
            assert name != sample.name
            found[name + "".join(f" {value}" for value in more.values())] = sample.value
    return found


def written(path: Path) -> dict[str, float]:
    return values(path.read_text())


def scraped(endpoint: Endpoint) -> dict[str, float]:
    with urlopen(f"http://{endpoint.address}:{endpoint.port}/metrics", timeout=10) as answer:
        return values(answer.read().decode())
