"""The sets of a study's public benchmarks: their facts when it is resolved, and their rows when it is evaluated."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.data.public.mirror import NotRunnable, local_set, read_set
from shallowsight.errors import ConfigurationError
from shallowsight.store.cells import Cell
from shallowsight.store.digest import code_digest, versions_of
from shallowsight.store.store import Store
from shallowsight.study.experiment import Experiment
from shallowsight.study.public_benchmarks import PublicBenchmark, find_public
from shallowsight.study.resolved import Resolved, SetFacts

if TYPE_CHECKING:
    from shallowsight.evaluate.answer_log import AnswerLog
    from shallowsight.evaluate.public.asking import PublicSet


def public_sets(base: Experiment) -> dict[str, SetFacts]:
    """The facts of each public benchmark's set; one that is missing or cut has the reason in place of facts.

    Raises:
        ConfigurationError: there is no such mirror, or nothing is left that can be asked.
        StoreUnavailable: the mirror's bucket does not answer.
    """
    found = {name: _facts(base, _benchmark(name)) for name in base.public_benchmarks}
    if found and not base.own_benchmarks and all(facts.not_run for facts in found.values()):
        raise ConfigurationError(
            "no benchmark can be asked: " + "; ".join(f"{name}: {facts.not_run}" for name, facts in found.items())
        )
    return found


def sets_here(resolved: Resolved) -> "list[PublicSet]":
    """The sets of a resolved study on this machine."""
    from shallowsight.evaluate.public.asking import PublicSet

    found = []
    for name, facts in resolved.public.items():
        benchmark = _benchmark(name)
        try:
            found.append(PublicSet(benchmark, _folder(resolved.base, benchmark, facts), facts.split))
        except NotRunnable as reason:
            found.append(PublicSet(benchmark, None, not_run=str(reason)))
    return found


@contextmanager
def answer_log(resolved: Resolved, cell: Cell, trained: Cell, store: Store) -> "Iterator[AnswerLog]":
    """Where the answers of an evaluation are kept while it goes on, and for a later one with more benchmarks.

    `trained` is the cell of the checkpoint. The store has compared its files with its record before this.
    """
    from shallowsight.evaluate.answer_log import AnswerLog, answers_of

    record = store.record(trained.digest)
    assert record is not None  # an evaluation is made only of a finished training
    also = [
        cell.parents,
        resolved.tower.digest,
        code_digest("shallowsight.evaluate.adapter"),
        versions_of(*cell.packages),
    ]
    with store.lines(answers_of(record.content, also)) as lines:
        yield AnswerLog(lines)


def _facts(base: Experiment, benchmark: PublicBenchmark) -> SetFacts:
    assert base.data.benchmarks is not None  # a validator refuses public benchmarks without a mirror
    if benchmark.needs_judge and not base.judge.ask:
        return SetFacts(not_run="only a judge can score its answers, and the study asks none (judge.ask)")
    try:
        record = read_set(base.data.benchmarks, benchmark)
    except NotRunnable as reason:
        return SetFacts(not_run=str(reason))
    return SetFacts(digest=record.digest, split=record.split, revision=record.revision, rows=record.rows)


def _folder(base: Experiment, benchmark: PublicBenchmark, facts: SetFacts) -> Path:
    if facts.not_run:
        raise NotRunnable(facts.not_run)
    assert base.data.benchmarks is not None
    record = read_set(base.data.benchmarks, benchmark)
    if record.digest != facts.digest:
        raise NotRunnable("its set was fetched anew since the study was resolved; run the same command again")
    return local_set(base.data.benchmarks, benchmark, record)


def _benchmark(name: str) -> PublicBenchmark:
    found = find_public(name)
    assert found is not None
    return found
