"""Subjects whose numbers are easy to work out by hand; whatever the demo is tuned to, these have their own."""

from shallowsight.cost.shapes import LanguageShape, language_shape
from shallowsight.cost.subject import Subject
from shallowsight.study.overrides import load_study
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.study import Study

SMALL = TowerFacts(name="s", family="dinov2", depth=12, width=384, patch=14, has_class_token=True, digest="sha256:a")
LARGE = TowerFacts(name="l", family="clip", depth=24, width=1024, patch=14, has_class_token=True, digest="sha256:b")
_OWN = ("settings=groups last", "seeds=0 1", "data.scenes_train=100", "data.scenes_test=50", "data.easy_vqa_train=20")
_HOW = ("global_batch=64", "updates=100", "optimizer=adamw")
_STAGES = tuple(f"{stage}.{what}" for stage in ("pretrain", "finetune") for what in _HOW)
# Two layers of width 128 as the demo's, a vocabulary of 1000.
TINY = LanguageShape(layers=2, width=128, inner=344, heads=4, kv_heads=4, head_width=32, vocabulary=1000, tied=True)


def study(*words: str, depth: int = 12) -> Study:
    return load_study("demo", [*_OWN, *_STAGES, *words], lambda _: depth)


def subject(*words: str, cached: bool = True, tower: TowerFacts = SMALL, shape: LanguageShape | None = None) -> Subject:
    """The demo with overrides, on a tower of twelve layers of width 384."""
    found = study(*words, depth=tower.depth)
    return Subject(found, tower, shape or language_shape(found.base.language), images=150, cached=cached)
