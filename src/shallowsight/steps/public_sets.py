"""The sets of a study's public benchmarks: their facts when it is resolved, and their rows when it is evaluated."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shallowsight.data.public.mirror import NotRunnable, local_set, read_set
from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.public.needs import require_here
from shallowsight.store.cells import Cell, pictures_digest
from shallowsight.store.digest import code_digest, digest_of, versions_of
from shallowsight.store.store import PLAN, Store
from shallowsight.study.data import in_bucket
from shallowsight.study.experiment import Experiment
from shallowsight.study.public_benchmarks import PublicBenchmark, find_public
from shallowsight.study.resolved import Resolved, SetFacts
from shallowsight.study.settings import Setting

if TYPE_CHECKING:
    from shallowsight.evaluate.answer_log import AnswerLog
    from shallowsight.evaluate.kept_pictures import KeptPictures
    from shallowsight.evaluate.public.asking import PublicSet

PICTURES = "pictures"  # a folder of the store on this machine


def public_sets(base: Experiment) -> dict[str, SetFacts]:
    """The facts of each public benchmark's set; one that is missing or cut has the reason in place of facts.

    Raises:
        ConfigurationError: there is no such mirror, or nothing is left that can be asked.
        StoreUnavailable: the mirror's bucket does not answer.
    """
    found = {name: _facts(base, _benchmark(name)) for name in base.public_benchmarks}
    if found and not base.own_benchmarks and all(facts.not_run or facts.unscored for facts in found.values()):
        why = "; ".join(f"{name}: {facts.not_run or facts.unscored}" for name, facts in found.items())
        if all(facts.not_run for facts in found.values()):
            raise ConfigurationError(f"no benchmark can be asked: {why}")
        raise ConfigurationError(f"nothing would be compared, name a benchmark that is scored here too: {why}")
    return found


def sets_here(resolved: Resolved) -> "list[PublicSet]":
    """The sets of a resolved study on this machine."""
    from shallowsight.evaluate.public.asking import PublicSet

    found = []
    for name, facts in resolved.public.items():
        benchmark = _benchmark(name)
        try:
            folder = _folder(resolved.base, benchmark, facts)
            found.append(PublicSet(benchmark, folder, facts.split, unscored=facts.unscored))
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


def kept_pictures(resolved: Resolved, setting: Setting, store: Store) -> "KeptPictures | None":
    """The features of public benchmarks' pictures on this machine; None where no such benchmark is asked.

    A picture is encoded for all layers that the study's settings read, if it is known which settings it has. With a
    store in a bucket each setting is evaluated on a machine of its own, which needs no other layers than its own.
    """
    from shallowsight.evaluate.kept_pictures import KeptPictures

    if not resolved.public:
        return None
    text = None if in_bucket(store.url) else store.read_document(PLAN)
    plan: dict[str, Any] = json.loads(text) if text else {}
    own = plan.get("study") == digest_of(resolved.model_dump(mode="json"))  # else that of a study before
    settings = [setting, *(resolved.setting(str(member["setting"])) for member in (plan["members"] if own else ()))]
    layers = sorted({layer for each in settings for layer in each.layers.read})
    return KeptPictures(store.root / PICTURES / pictures_digest(resolved), layers)


def _facts(base: Experiment, benchmark: PublicBenchmark) -> SetFacts:
    assert base.data.benchmarks is not None  # a validator refuses public benchmarks without a mirror
    unscored = _why_unscored(base, benchmark)
    try:
        require_here(benchmark)  # here too, before anything is trained, and so that the cell changes when it is mended
        record = read_set(base.data.benchmarks, benchmark)
    except NotRunnable as reason:
        return SetFacts(not_run=str(reason))
    most = base.data.benchmark_rows
    if unscored and benchmark.submission is not None and 0 < most < record.rows:
        return SetFacts(not_run=f"{unscored}; {benchmark.submission.needs_all(record.rows, most)}")
    return SetFacts(
        digest=record.digest, split=record.split, revision=record.revision, rows=record.rows, unscored=unscored
    )


def _why_unscored(base: Experiment, benchmark: PublicBenchmark) -> str:
    if not benchmark.scored:
        return "only its server can score its answers"
    if benchmark.needs_judge and not base.judge.ask:
        return "only a judge can score its answers, and the study asks none (judge.ask)"
    return ""


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
