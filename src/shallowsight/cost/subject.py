"""The subject of a forecast: a study, the shapes of its models, and the amount of data in each stage."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from shallowsight.cost import texts
from shallowsight.cost.caching import pays_to_cache
from shallowsight.cost.parts.setting import Parts, parts_of
from shallowsight.cost.shapes import LanguageShape, language_shape, tower_facts
from shallowsight.data.held_out import withheld
from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import Experiment
from shallowsight.study.image_tokens import feature_tokens, image_tokens
from shallowsight.study.legal import likely_settings, require_buildable, require_distinct, widths_of
from shallowsight.study.resolved import Resolved, TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES, Stage, StageName
from shallowsight.study.study import Study

# Tokens computed for each token of a sequence, for LLaVA's mixture: in packed rows, and in batches sorted by length.
_PACKED, _BY_LENGTH = 1.09, 1.03


class Task(Protocol):
    """A cell of a study that is to be made."""

    @property
    def step(self) -> str: ...
    @property
    def setting(self) -> str | None: ...
    @property
    def seed(self) -> int | None: ...


@dataclass(frozen=True)
class Made:
    """A task without a digest."""

    step: str
    setting: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Load:
    """The amount of data in a stage of a setting; lengths are tokens of a sequence, image tokens included."""

    samples: int
    updates: int
    image_tokens: int
    pictured: float  # share of the sequences with a picture
    length: float  # mean length of a sequence with a picture
    bare_length: float  # mean length of a sequence without a picture
    supervised: float  # mean number of tokens with loss in a sequence
    padded: float  # tokens computed for each token of a sequence
    longest: float  # mean length in the largest batch, padding included

    @property
    def mean_length(self) -> float:
        return self.pictured * self.length + (1 - self.pictured) * self.bare_length


@dataclass(frozen=True)
class Subject:
    """A study that may not have been resolved."""

    study: Study
    tower: TowerFacts
    language: LanguageShape
    images: int
    cached: bool  # whether features are encoded once and cached
    public_rows: int = 0  # questions of public benchmarks, where they are known

    @property
    def base(self) -> Experiment:
        return self.study.base

    @property
    def patches(self) -> int:
        """The patch vectors of a picture in each layer."""
        return feature_tokens(self.tower, self.base.vision)

    @property
    def shown(self) -> Setting:
        """The setting that stands for the study: its base's, or the first one."""
        members = self.members()
        return self.base.setting if self.base.setting in members else members[0]

    @cached_property
    def texts(self) -> dict[StageName, texts.Texts]:
        """The texts of both stages; raises ConfigurationError for a file that is neither here nor published."""
        return {stage: texts.stage_texts(self.base, stage) for stage in STAGES}

    @cached_property
    def questions(self) -> float:
        return texts.questions(self.base)

    def experiment(self, setting: Setting) -> Experiment:
        return self.study.at(setting, 0)

    def parts(self, setting: Setting) -> Parts:
        """What the setting adds to tower and language model."""
        return parts_of(self.experiment(setting), self.tower, self.language)

    def read_numbers(self, setting: Setting) -> int:
        """The numbers of one picture in the layers that the setting reads, each layer once."""
        return self.patches * sum(widths_of(self.tower, setting.layers).values())

    def members(self) -> list[Setting]:
        """The settings of the study; as long as the groups are not known, evenly spread layers take their place."""
        return likely_settings(self.study.settings, self.tower.depth)

    def load(self, setting: Setting, stage: StageName) -> Load:
        """The data of a stage with the image tokens of a setting."""
        settings, limit, read = self.experiment(setting).stage(stage), self.base.language.max_length, self.texts[stage]
        tokens = image_tokens(self.experiment(setting), self.tower)
        length = min(limit, tokens + read.pictured_tokens)
        longest = min(limit, tokens + read.longest) if read.pictured else min(limit, read.bare_tokens)
        updates = settings.updates
        if updates is None:
            records = read.records
            if stage == "finetune" or not self.base.data.pretrain:  # the stage trains on the finetune records
                records -= withheld(records, read.turns, self.base.data.held_out)
            updates = math.ceil((settings.epochs or 0) * records / settings.global_batch)
        if stage == "finetune" and self.study.halving.eta:
            updates = self._left(settings, updates)
        shuffled = max(1.0, longest / length)  # every row is padded to the longest sequence of its batch
        by_length = settings.order == "by_length"
        padded = _PACKED if settings.packed else _BY_LENGTH if by_length else shuffled
        return Load(
            samples=updates * settings.global_batch,
            updates=updates,
            image_tokens=tokens,
            pictured=read.pictured / max(1, read.records),
            length=length,
            bare_length=min(limit, read.bare_tokens),
            supervised=min(limit, read.supervised),
            padded=padded,
            longest=longest if by_length or not settings.packed else length * _PACKED,
        )

    def _left(self, stage: Stage, whole: int) -> int:
        """The updates that a training computes: a part of the whole, without the trunk that it goes on from."""
        before = self.study.halving.trained_before(stage.part)
        return math.ceil(whole / stage.part) - (math.floor((1 - stage.decay) * whole / before) if before else 0)


def subject_of(resolved: Resolved) -> Subject:
    """The subject for a resolved study; raises ConfigurationError for a language model that is not like Llama."""
    shape = language_shape(resolved.base.language)
    public = sum(resolved.public_rows.values())
    return Subject(resolved.study, resolved.tower, shape, resolved.images, resolved.cache_features, public)


def subject_named(study: Study) -> Subject:
    """The subject for a study without reading weights or pictures.

    Raises ConfigurationError for a model or a file that is neither on this machine nor a published one.
    """
    base = study.base
    vision = base.vision
    tower = tower_facts(vision.tower, vision.revision, vision.prefix_tokens, vision.patch)
    try:
        settings = likely_settings(study.settings, tower.depth)
    except ValueError as error:
        raise ConfigurationError(f"{tower.name}: {error}") from None
    tokens = feature_tokens(tower, base.vision)
    shape = language_shape(base.language)
    for setting in settings:
        require_buildable(base, setting, tower, shape.layers)
    require_distinct(base, settings, tower)
    images = texts.images(base)
    found = Subject(study, tower, shape, images, pays_to_cache(base, tower, tokens, images))
    assert found.texts  # reads the files now, so that a missing file is refused here
    return found


def all_tasks(subject: Subject) -> list[Task]:
    """All cells of the study, also those that exist already."""
    settings = subject.members()
    layers = sorted({layer for setting in settings for layer in setting.layers.read})
    if subject.study.probes:
        layers = list(range(1, subject.tower.depth + 1))
    tasks: list[Task] = [Made("prepare"), Made("analyze")]
    tasks += [Made("encode", f"layer {layer}") for layer in layers if subject.cached]
    tasks += [Made("probe")] if subject.study.probes else []
    for setting in settings:
        for seed in subject.study.seeds_of(setting):
            tasks += [Made(step, str(setting), seed) for step in (*STAGES, "evaluate")]
    return tasks
