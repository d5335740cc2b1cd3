"""Many evaluations are sent a few at a time, each few with a time of their own."""

import pytest

from shallowsight.errors import ShallowsightError
from shallowsight.observe.tracking import sender
from shallowsight.observe.tracking.settings import Tracking
from shallowsight.observe.tracking.values import Batch, Evaluation, Outcome, Row

TO = Tracking("team/probe", 0)
ROW = Row(key="k", benchmark="b", question="q", expected="e", answer="a", correct=False)
FACTS = {
    "study_digest": "s",
    "fusion": "none",
    "connector": "linear",
    "tower": "t",
    "language": "l",
    "cell_digest": "c",
    "version": "1",
}


def evaluations(number: int, rows: int = 0) -> list[Evaluation]:
    """With one seed each, from 0."""
    facts = {**FACTS, "study": "x", "setting": "3", "layers": (3,), "questions_digest": "q", "scores": ()}
    return [Evaluation.model_validate({**facts, "seed": seed, "rows": (ROW,) * rows}) for seed in range(number)]


def names(*seeds: int) -> tuple[str, ...]:
    return tuple(f"x 3 seed {seed}" for seed in seeds)


class Processes:
    """Each takes the first evaluation of its batch and has the others; the one numbered `ill` says a fault."""

    def __init__(self, ill: int | None = None) -> None:
        self.seconds: list[float] = []
        self._ill = ill

    def __call__(self, task: str, text: str, seconds: float) -> Outcome:
        self.seconds.append(seconds)
        if len(self.seconds) == self._ill:
            return Outcome(fault="refused")
        first, *others = (each.name for each in Batch.model_validate_json(text).evaluations)
        return Outcome(sent=(first,), already_there=tuple(others))


def test_what_became_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_run", Processes())
    found = sender.send(TO, evaluations(23))
    there = names(*(seed for seed in range(23) if seed % 10))
    assert found == Outcome(sent=names(0, 10, 20), already_there=there)


def test_each_batch_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    monkeypatch.setattr(sender, "_run", processes)
    sender.send(TO, evaluations(25, rows=20))
    assert processes.seconds == [130.0, 130.0, 125.0]


def test_a_failure_is_the_end_and_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(ill=2)
    monkeypatch.setattr(sender, "_run", processes)
    with pytest.raises(ShallowsightError) as failed:
        sender.send(TO, evaluations(30))
    missing = ", ".join(names(*range(10, 30)))
    assert str(failed.value) == f"the weave project team/probe did not accept all of: {missing} (refused)"
    assert len(processes.seconds) == 2
