"""The digests of a study's cells, and which of them another study does not share."""

from typing import Any

from shallowsight.store.cells import analyze_cell, encode_cell, evaluate_cell, prepare_cell, probe_cell, stage_cell
from shallowsight.study.overrides import load_study
from shallowsight.study.resolved import Resolved, SourceFacts, TowerFacts
from shallowsight.study.settings import Setting

STEPS = ("prepare", "analyze", "encode", "probe", "pretrain", "finetune", "evaluate")
ALL = set(STEPS)
TRAINED = {"pretrain", "finetune", "evaluate"}
NONE: set[str] = set()
TOWER = TowerFacts(
    name="tower", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="sha256:aa"
)


def facts(digest: str) -> SourceFacts:
    return SourceFacts(digest=digest, train_rows=10, test_rows=5, images=15)


def resolved(*words: str, cache: bool = True, **changes: Any) -> Resolved:
    study = load_study("quick", words, lambda _: 12)
    sources = {name: facts(f"digest of {name}") for name in ("scenes", "scenes-captions", "easy-vqa")}
    return Resolved(
        study=study, tower=TOWER, language_digest="scratch", sources=sources, cache_features=cache
    ).model_copy(update=changes)


def digests(resolved: Resolved, setting: str = "6", seed: int = 0) -> dict[str, str]:
    parsed = Setting.parse(setting)
    made = [
        prepare_cell(resolved),
        analyze_cell(resolved),
        encode_cell(resolved, parsed.layers.deepest),
        probe_cell(resolved),
        stage_cell(resolved, parsed, seed, "pretrain"),
        stage_cell(resolved, parsed, seed, "finetune"),
        evaluate_cell(resolved, parsed, seed),
    ]
    assert tuple(cell.step for cell in made) == STEPS
    return {cell.step: cell.digest for cell in made}


def stale(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {step for step in before if before[step] != after[step]}
