"""Subjects whose numbers are easy to work out by hand; whatever the demo is tuned to, these have their own."""

from dataclasses import fields, replace
from typing import Any

from shallowsight.cost.shapes import PUBLISHED_LANGUAGES, LanguageShape, language_shape
from shallowsight.cost.subject import Load, Subject
from shallowsight.study.overrides import load_study
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName
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


def clip_l(*words: str) -> Subject:
    """A tower of width 1024 with 576 patch vectors, and a language model of width 2048."""
    words = ("vision.pool=1", "vision.image_size=336", "language.max_length=2048", *words)
    return subject(*words, tower=LARGE, shape=PUBLISHED_LANGUAGES["mtgv/MobileLLaMA-1.4B-Base"])


def with_loads(found: Subject, **changes: Any) -> Subject:
    """The subject with other amounts of data."""

    class Changed(Subject):
        def load(self, setting: Setting, stage: StageName) -> Load:
            return replace(super().load(setting, stage), **changes)

    return Changed(**{field.name: getattr(found, field.name) for field in fields(found)})
