"""Write the report of a study, either all files or none."""

import csv
import io
import json
import logging
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from shallowsight.errors import MissingPackage
from shallowsight.evaluate.statistics.family import Comparison
from shallowsight.evaluate.statistics.letters import letters_of
from shallowsight.report import early_stop
from shallowsight.report.caveats import caveats
from shallowsight.report.choice import Choice, choose
from shallowsight.report.claims.answers import answers
from shallowsight.report.claims.paper import read_paper
from shallowsight.report.findings import Findings, find
from shallowsight.report.halving import halved
from shallowsight.report.halving_words import sentences
from shallowsight.report.inputs import read_study
from shallowsight.report.layer_map import layer_map
from shallowsight.report.optional_files import OPTIONAL, optional_files
from shallowsight.report.pareto import pareto
from shallowsight.report.probes import agreements
from shallowsight.report.public_numbers import public_tables
from shallowsight.report.recommendation import recommendation
from shallowsight.report.scores import Category
from shallowsight.report.submissions import for_servers, submission_contents
from shallowsight.report.subtasks import subtasks
from shallowsight.report.values import Study, Texts
from shallowsight.report.ways import connector_of
from shallowsight.report.words import headline, lead
from shallowsight.store.foreign_files import refuse_foreign
from shallowsight.store.whole_folder import whole_folder
from shallowsight.study.public_benchmarks import SUBMISSIONS

log = logging.getLogger(__name__)

PAGE = "report.html"
IDS = 100  # the most ids of shortened records in report.json
FILES = (PAGE, "report.json", "recommendation.json", "curves.png", "learning.png", "similarity.png", "scores.csv")


def write_report(study_dir: Path, out: Path) -> Path:
    """Read the study, write the files of the report into the folder `out`; return the path of the page.

    The files are made in a folder beside `out`, which replaces `out` when all files are complete. Missing results of
    the study are shown in the report and are no error.

    Raises:
        ConfigurationError: `study_dir` is not a study folder, or `out` holds files that are not a report's.
        MissingPackage: the extra `report` is not installed.
    """
    out = out.absolute()
    refuse_foreign(out, "report", _is_own)
    study = read_study(study_dir)
    try:
        contents = _contents(study)
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "matplotlib", "report") from error
    with whole_folder(out) as new:
        for name, content in contents.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(content)
    log.info("report of study %s: %s", study.name, out / PAGE)
    return out / PAGE


def _is_own(name: str) -> bool:
    return name in {*FILES, *OPTIONAL} or name.startswith(f"{SUBMISSIONS}/")


def _contents(study: Study) -> dict[str, bytes]:
    from shallowsight.report import figures, learning, page

    findings = find(study)
    choices = choose(study, findings)
    return {
        **optional_files(study, findings),
        **submission_contents(study),
        PAGE: page.render(study, findings, choices).encode(),
        "report.json": _json(_numbers(study, findings, choices)),
        "recommendation.json": _json(recommendation(study, choices)),
        "curves.png": figures.curves_png(study, findings),
        "learning.png": learning.learning_png(study, findings),
        "similarity.png": figures.similarity_png(study),
        "scores.csv": _csv(study).encode(),
    }


def _numbers(study: Study, findings: Findings, choices: tuple[Choice, ...]) -> dict[str, Any]:
    """The numbers that the page shows, and the sentences made from them."""
    return {
        "study": study.name,
        "tower": study.tower,
        "seeds": study.seeds,
        "more_seeds": study.more_seeds,
        "level": findings.level,
        "headline": headline(study, findings, choices),
        "answer": lead(study, findings, choices),
        "categories": {c.name: _category(c) for c in findings.every},
        "learning": [asdict(curve) for curve in findings.curves.found.values()],
        "not_learnt": [{"category": c, "setting": s} for c, s in findings.curves.not_learnt],
        "map": _map(study, findings),
        "pareto": _pareto(study, findings),
        "public_benchmarks": [asdict(table) for table in public_tables(findings)],
        "submissions": [each.row() for each in for_servers(study)],
        "subtasks": [asdict(part) for part in subtasks(findings)],
        "recommendation": recommendation(study, choices)["categories"],
        "halving": _halving(study, findings),
        "early_stop": early_stop.numbers(study),
        "probes": _probes(study, findings),
        "claims": [asdict(answer) for answer in answers(study, findings, read_paper())],
        "similarity": asdict(study.analysis) if study.analysis else None,
        "data": dict(study.data),
        "shortened": {t.step: _texts(t) for t in study.texts},
        "members": [
            {
                "setting": m.setting,
                "layers": m.layers,
                "fusion": m.fusion,
                "connector": m.connector,
                "image_tokens": m.image_tokens,
                "operations": m.operations,
                "roles": m.roles,
                "trials": [{"seed": t.seed, "state": t.state, "error": t.error, "cells": t.digests} for t in m.trials],
            }
            for m in study.members
        ],
        "cost": [{"digest": c.digest, "step": c.step, "seconds": c.seconds} for c in study.cells],
        "caveats": caveats(study, findings),
        "not_run": study.not_run,
        "problems": findings.problems,
    }


def _map(study: Study, findings: Findings) -> dict[str, Any] | None:
    """The map of categories over layers; None with few single layers."""
    if (found := layer_map(study, findings)) is None:
        return None
    return {"layers": found.layers, "rows": [{**asdict(row), "spread": row.spread} for row in found.rows]}


def _pareto(study: Study, findings: Findings) -> dict[str, Any] | None:
    """Accuracy and cost of the settings, and the best of them; None where there is no such picture."""
    if (found := pareto(study, findings)) is None:
        return None
    return {
        "category": found.category,
        "settings": [asdict(place) for place in found.places],
        "fronts": {front.cost.name: [place.setting for place in front.best] for front in found.fronts},
    }


def _halving(study: Study, findings: Findings) -> dict[str, Any] | None:
    """How far each setting was trained, and what that cost; None for a study that trains all to the end."""
    if (found := halved(study)) is None:
        return None
    return {
        "parts": found.parts,
        "counts": found.counts,
        "full_runs": found.full_runs,
        "control": found.control,
        "regret": found.regret,
        "settings": [
            {"setting": s.member.setting, "part": s.member.part, "kept": s.kept, "scores": s.scores}
            for s in found.standings
        ],
        "said": sentences(found, findings),
    }


def _probes(study: Study, findings: Findings) -> dict[str, Any] | None:
    """The probes beside the trained layers; None without probes."""
    if study.probes is None:
        return None
    return {
        "seeds": study.probes.seeds,
        "categories": {a.category: asdict(a) for a in agreements(study, findings)},
        "skipped": study.probes.skipped,
    }


def _texts(t: Texts) -> dict[str, Any]:
    """Counts and the first ids; the cell has all ids."""
    found = t.found
    return {
        "cell": t.cell,
        "records": found.records,
        "limit": found.limit,
        "longest": found.longest,
        "left_out": len(found.left_out),
        "cut": len(found.cut),
        "left_out_ids": found.left_out[:IDS],
        "cut_ids": found.cut[:IDS],
    }


def _category(c: Category) -> dict[str, Any]:
    noise = c.judgement.noise.get(c.name, {})
    pairs = {key[1:]: found for key, found in c.judgement.pairs.items() if key[0] == c.name}
    best = {key[1]: found for key, found in c.judgement.against_best.items() if key[0] == c.name}
    return {
        "benchmarks": c.benchmarks,
        "chance": c.chance,
        "training_noise": {setting: asdict(found) for setting, found in noise.items()},
        "scores": [asdict(s) for s in c.scores.values()],
        "pairs": [{"a": a, "b": b, **_comparison(found)} for (a, b), found in pairs.items()],
        "fusions_against_every_single_layer": [{"a": a, **_comparison(found)} for a, found in best.items()],
        "letters": letters_of(c.judgement, c.name),
        "not_distinguishable_from_best": c.judgement.best.get(c.name, ()),
    }


def _comparison(c: Comparison) -> dict[str, Any]:
    return {
        "gap": c.gap,
        "interval": c.interval,
        "p": c.p,
        "planned": c.planned,
        "verdict": c.verdict,
        "why": c.why,
        "questions": c.contrast.n,
        "images": c.contrast.images,
    }


def _csv(study: Study) -> str:
    """The values of scores.json, with one line for each setting, seed and benchmark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = ("name", "category", "metric", "value", "n", "standard_error", "chance")
    first = ("setting", "layers", "fusion", "connector", "image_tokens", "seed", "benchmark")
    writer.writerow((*first, *keys[1:]))
    for member in study.members:
        layers = " ".join(map(str, member.layers))
        connector = connector_of(study, member)
        what = (member.setting, layers, member.fusion, connector, member.image_tokens or "")
        for trial in member.done:
            for b in trial.benchmarks:
                writer.writerow((*what, trial.seed, *(b.get(k, "") for k in keys)))
    return out.getvalue()


def _json(content: Any) -> bytes:
    return (json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    """Replace infinite numbers by None, because JSON has no infinity."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value
