"""Send evaluations to a weave project: those of one setting once it is evaluated, or all of a study.

Sends the scores, and as many questions as the environment asks for; never a picture, never a path.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shallowsight import __version__
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.observe.progress import Progress
from shallowsight.observe.tracking.sender import require_tracking as require_tracking
from shallowsight.observe.tracking.sender import send
from shallowsight.observe.tracking.settings import PROJECT, Tracking, tracking
from shallowsight.observe.tracking.values import Evaluation, Outcome, Row, Score
from shallowsight.store.cells import prepare_cell, scores_cell
from shallowsight.store.digest import digest_of
from shallowsight.store.store import STUDY, Store
from shallowsight.study.experiment import SCRATCH
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Result:
    """The content of one evaluate cell, and the digest of the questions that were answered."""

    setting: Setting
    seed: int
    cell_digest: str
    questions_digest: str
    benchmarks: Sequence[Mapping[str, Any]]  # as in scores.json
    samples: Sequence[Mapping[str, Any]]  # as in samples.jsonl


def track_setting(resolved: Resolved, setting: Setting, cells: Sequence[Path], store: Store) -> None:
    """Send a setting's evaluations if tracking is on. `cells` are the folders of its evaluate cells, one for each seed.

    A failure to send never stops a study: the results are in the store, and `shallowsight track` can send them later.
    """
    try:
        to = tracking()
        if to is None:
            return
        seeds = resolved.study.seeds_of(setting)
        results = [_read(resolved, setting, seed, cell) for seed, cell in zip(seeds, cells, strict=True)]
        send(to, [_evaluation(resolved, result, to.samples) for result in results])
    except (ShallowsightError, OSError) as fault:
        command = f"shallowsight track --out {store.name}"
        log.warning("%s. The results are in the store; `%s` sends the missing evaluations later", fault, command)
        # The progress display tells a user who does not read the log.
        Progress(f"setting {setting} was not sent to weave; `{command}` sends it later")(1, 1)


def track_study(store: Store) -> Outcome:
    """Send the evaluations of a study that the weave project does not have yet.

    Raises:
        ConfigurationError: no project is named, there is no key, or the store has no results.
        ShallowsightError: the server did not accept all of them.
    """
    from shallowsight.report.inputs import OUTPUTS, read_study

    to = _required_tracking()
    resolved = _read_resolved(store)
    with store.view(OUTPUTS) as folder:
        study = read_study(folder)
    results = [
        _Result(
            setting=Setting.parse(member.setting),
            seed=trial.seed,
            cell_digest=trial.final,
            questions_digest=trial.digests["prepare"],
            benchmarks=trial.benchmarks,
            samples=[asdict(sample) for sample in trial.samples],
        )
        for member in study.members
        for trial in member.done
    ]
    if not results:
        raise ConfigurationError(f"{store.name} has no finished evaluation; run its study first")
    return send(to, [_evaluation(resolved, result, to.samples) for result in results])


def _required_tracking() -> Tracking:
    to = require_tracking()
    if to is None:
        raise ConfigurationError(f"{PROJECT} is not set: write ENTITY/PROJECT, the weave project for the evaluations")
    return to


def _read_resolved(store: Store) -> Resolved:
    text = store.read_document(STUDY)
    if text is None:
        raise ConfigurationError(f"{store.name} holds no study: there is no {STUDY}")
    try:
        return Resolved.model_validate_json(text)
    except ValidationError:
        raise ConfigurationError(
            f"{store.name}: {STUDY} was written by a different version of shallowsight; run the study again first"
        ) from None


def _read(resolved: Resolved, setting: Setting, seed: int, cell: Path) -> _Result:
    lines = (cell / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return _Result(
        setting=setting,
        seed=seed,
        cell_digest=scores_cell(resolved, setting, seed).digest,
        questions_digest=prepare_cell(resolved).digest,
        benchmarks=json.loads((cell / "scores.json").read_text(encoding="utf-8"))["benchmarks"],
        samples=[json.loads(line) for line in lines],
    )


def _evaluation(resolved: Resolved, result: _Result, samples: int) -> Evaluation:
    return Evaluation(
        study=resolved.study.name,
        study_digest=digest_of(resolved.model_dump(mode="json")),
        setting=str(result.setting),
        layers=result.setting.layers.indices,
        fusion=result.setting.fusion,
        connector=str(result.setting.connector or resolved.base.connector),
        seed=result.seed,
        tower=_tower(resolved),
        language=_language(resolved),
        cell_digest=result.cell_digest,
        questions_digest=result.questions_digest,
        version=__version__,
        scores=tuple(_score(row) for row in result.benchmarks),
        rows=tuple(_row(sample) for sample in _spread(result.samples)[:samples]),
    )


def _tower(resolved: Resolved) -> str:
    return resolved.tower.digest if resolved.tower.in_a_folder else resolved.tower.name


def _language(resolved: Resolved) -> str:
    language = resolved.base.language
    # The revision of a model in a folder or a bucket is its digest; the revision of a model of the hub is a commit.
    of_a_folder = language.model != SCRATCH and language.revision in {None, resolved.language_digest}
    return resolved.language_digest if of_a_folder else language.model


def _score(row: Mapping[str, Any]) -> Score:
    return Score.model_validate({name: row.get(name) for name in Score.model_fields})


def _row(sample: Mapping[str, Any]) -> Row:
    return Row(
        key=digest_of([sample["id"], sample["image_id"]]),
        benchmark=sample["benchmark"],
        question=sample["question"],
        expected=sample["target"],
        answer=sample["prediction"],
        correct=sample["correct"],
    )


def _spread(samples: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first sample of every benchmark, then the second of every benchmark, and so on.

    All settings have the same order, so that the first samples are the same questions for all of them.
    """
    by_benchmark: dict[str, list[Mapping[str, Any]]] = {}
    for sample in samples:
        by_benchmark.setdefault(sample["benchmark"], []).append(sample)
    return [sample for sample in chain.from_iterable(zip_longest(*by_benchmark.values())) if sample is not None]
