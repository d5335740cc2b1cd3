"""A launch of the cluster's launcher against the stand-in, and what it said."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_kubernetes import FakeKubernetes
from fake_trainer import JOB

from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.cluster.kubernetes.launcher import Pace, run
from shallowsight.cluster.kubernetes.trainjob import TrainJob
from shallowsight.cluster.kubernetes.watch import Limits
from shallowsight.store.objects import patience

PACE = Pace(poll_seconds=0.005, gone_seconds=30)
LIMITS = Limits(deadline_seconds=60, queue_seconds=60)


@dataclass
class Heard:
    said: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def states(self) -> list[str]:
        return [text.partition(" is ")[2] for text in self.said]


class Launcher:
    """Runs jobs as a box would, with little patience."""

    def __init__(self, cluster: FakeKubernetes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard = Heard()
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(folder / "kubeconfig")))
        monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)

    def run(self, job: TrainJob = JOB, limits: Limits = LIMITS, patience: float = 20.0, pace: Pace = PACE) -> Heard:
        connected = connect(patience=patience, timeout=10.0)
        failure = run(connected, job, limits, say=self.heard.said.append, on_line=self.heard.lines.append, pace=pace)
        if failure is not None:
            raise failure
        return self.heard
