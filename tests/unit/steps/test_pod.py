"""How a pod of a TrainJob ends: its status decides whether the cluster starts it again."""

import signal
from collections.abc import Iterator

import pytest

from shallowsight.errors import (
    ConfigurationError,
    DataRefused,
    Interrupted,
    LossNotFinite,
    OutOfMemory,
    ShallowsightError,
)
from shallowsight.steps import pod as node
from shallowsight.steps.train_cell import OnFailure
from shallowsight.store.failures import failure_in


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(node.sys, "argv", ["node", "s3://bucket/study", "0" * 16, "16"])
    monkeypatch.setattr(node, "open_store", lambda url: url)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("told", [True, False], ids=["told in training", "told at the end"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("why"), 2),
        (DataRefused("why"), 3),
        (LossNotFinite("why"), 6),
        (OutOfMemory("why"), 6),
        (OutOfMemory("why", 2), 6),
        (Interrupted("why"), 4),
        (ShallowsightError("why"), 1),
    ],
)
def test_its_exit_status(
    arguments: None,
    error: ShallowsightError,
    status: int,
    told: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(store: object, digest: str, processes: int, rank: int, on_failure: OnFailure) -> None:
        assert (store, digest, processes, rank) == ("s3://bucket/study", "0" * 16, 16, 1)
        if told:
            on_failure(error)
        raise error

    monkeypatch.setattr(node, "work", fail)
    monkeypatch.setenv("PET_NODE_RANK", "1")
    with pytest.raises(SystemExit) as ended:
        node.main()
    assert ended.value.code == status
    said = [found for line in capsys.readouterr().out.splitlines() if (found := failure_in(line)) is not None]
    assert [(type(each), str(each)) for each in said] == [(type(error), "why")]
