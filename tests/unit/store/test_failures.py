"""Why a training failed, in its own words."""

import json

import pytest

from shallowsight.errors import (
    ConfigurationError,
    DataRefused,
    Interrupted,
    LeaseHeld,
    LossNotFinite,
    MissingPackage,
    OutOfMemory,
    ShallowsightError,
    StoreUnavailable,
)
from shallowsight.store.failures import _LAST_LINES, failure_in, is_final, last_words, say_failure

TORCHRUN = """W1121 23:09:58.183000 20620 torch/distributed/elastic/multiprocessing/api.py:1028] Sending
E1121 23:09:58.185000 20620 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
============================================================
shallowsight.train FAILED
  exitcode  : 1 (pid: 20630)
============================================================
"""


def test_the_reason_comes_before_torchruns_report() -> None:
    said = [f"line {n}" for n in range(30)]
    assert last_words([*said, *TORCHRUN.splitlines()]).splitlines() == said[-_LAST_LINES:]


def test_torchruns_report_is_shown_when_there_is_nothing_else() -> None:
    assert "shallowsight.train FAILED" in last_words(TORCHRUN.splitlines())


def test_without_a_report() -> None:
    assert last_words(["killed"]) == "killed"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Interrupted", Interrupted),
        ("ConfigurationError", ConfigurationError),
        ("MissingPackage", ConfigurationError),
    ],
)
def test_a_failure_that_was_said_keeps_its_type(name: str, kind: type[ShallowsightError]) -> None:
    found = failure_in(json.dumps({"failure": name, "message": "why"}))
    assert type(found) is kind and str(found) == "why"


@pytest.mark.parametrize("more", [None, 4])
def test_a_lack_of_memory_keeps_what_may_do(more: int | None) -> None:
    found = failure_in(json.dumps({"failure": "OutOfMemory", "message": "why", "more_passes": more}))
    assert isinstance(found, OutOfMemory) and str(found) == "why" and found.more_passes == more


@pytest.mark.parametrize("error", [Interrupted("why"), OutOfMemory("why", 4), ShallowsightError("why\nand where")])
def test_what_is_said_is_read(error: ShallowsightError, capsys: pytest.CaptureFixture[str]) -> None:
    say_failure(error)
    found = failure_in(capsys.readouterr().out.rstrip("\n"))
    assert type(found) is type(error) and str(found) == str(error)


@pytest.mark.parametrize("line", ["", "loss 3.2", '{"update": 1}', '{"failure": "Interru', ' {"failure": "x"}'])
def test_other_lines_are_no_failures(line: str) -> None:
    assert failure_in(line) is None


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (ConfigurationError("why"), True),
        (MissingPackage("deepspeed", "train"), True),
        (DataRefused("why"), True),
        (LossNotFinite("why"), True),
        (OutOfMemory("why"), True),
        (OutOfMemory("why", 2), False),
        (Interrupted("why"), False),
        (LeaseHeld("why"), False),
        (StoreUnavailable("why"), False),
        (ShallowsightError("why"), False),
    ],
)
def test_what_trying_again_cannot_mend(error: ShallowsightError, final: bool) -> None:
    assert is_final(error) is final
