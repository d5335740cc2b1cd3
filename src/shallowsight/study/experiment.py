"""An experiment: frozen values that fix the model, its training, its data and its benchmarks.

Facts of a cluster (nodes, numbers of GPUs, buckets, secrets) are not part of it: a digest must not depend on them.
"""

from typing import Literal, Self

from pydantic import field_validator, model_validator

from shallowsight.study.benchmarks import DEMO_BENCHMARKS, find_benchmark, is_public
from shallowsight.study.connectors import Connector
from shallowsight.study.data import Data
from shallowsight.study.fields import Count, Names, Part, Positive, Seed
from shallowsight.study.judge import Judge
from shallowsight.study.layers import Layers
from shallowsight.study.settings import Setting
from shallowsight.study.stages import Stage, StageName

EMBEDDED_TOWER = "embedded:dinov2-small"
SCRATCH = "scratch"  # the name of the language model that is trained from random weights


class Vision(Part):
    """The frozen tower, and the features that are taken from it."""

    tower: str = EMBEDDED_TOWER  # or a vision model of transformers: hub id, folder, s3://bucket/folder
    revision: str | None = None  # a hub commit, or the digest of a folder's or bucket's files; fixed when left out
    layers: Layers = Layers.of(8)
    features: Literal["patch", "cls_patch"] = "patch"
    image_size: Positive = 168  # pixels, a multiple of the tower's patch
    prefix_tokens: Count | None = None  # before the patches in hidden states, of a family that is not known
    patch: Positive | None = None  # pixels, where config.json does not say it; of a tower in stages: of one token
    normalize: bool = True  # each patch vector to mean 0 and variance 1: layers differ widely in scale
    pool: Positive = 2  # average over pool x pool neighbouring patches


class Fusion(Part):
    """The way in which the features of several layers become one sequence of image tokens."""

    kind: str = "single"


class Language(Part):
    """A small Llama trained from scratch, or any causal language model of the hub, a folder or a bucket."""

    model: str = SCRATCH
    revision: str | None = None  # a hub commit, or the digest of a folder's or bucket's files; fixed when left out
    width: Positive = 128
    depth: Positive = 2
    heads: Positive = 4
    vocabulary: Positive = 1024  # byte-level BPE, learnt from the training text
    max_length: Positive = 256  # tokens of text and image together

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        # Rotary positions rotate pairs of numbers, so the width of a head must be even.
        if self.model == SCRATCH and self.width % (2 * self.heads):
            raise ValueError(
                f"language.width={self.width} does not divide into language.heads={self.heads} of an even width; "
                f"use a multiple of {2 * self.heads}"
            )
        return self


class Experiment(Part):
    """Fixes one trained and evaluated model completely."""

    name: str
    vision: Vision = Vision()
    fusion: Fusion = Fusion()
    connector: Connector = Connector()
    language: Language = Language()
    data: Data = Data()
    pretrain: Stage
    finetune: Stage
    benchmarks: Names = DEMO_BENCHMARKS
    judge: Judge = Judge()
    seed: Seed = 0

    @model_validator(mode="after")
    def _setting_fits(self) -> Self:
        Setting(self.vision.layers, self.fusion.kind)
        return self

    @model_validator(mode="after")
    def _adapters_have_a_model_to_adapt(self) -> Self:
        if self.pretrain.lora.rank:
            raise ValueError("pretrain.lora.rank: the language model is frozen while pretraining; use finetune.lora")
        return self

    @model_validator(mode="after")
    def _public_ones_have_a_mirror(self) -> Self:
        if self.public_benchmarks and self.data.benchmarks is None:
            named = " ".join(self.public_benchmarks)
            raise ValueError(
                f"benchmarks {named}: name the folder or s3:// URL of their rows in data.benchmarks; "
                f"`shallowsight benchmarks fetch {named} --to FOLDER` makes it where a network is"
            )
        return self

    @model_validator(mode="after")
    def _pretraining_is_whole(self) -> Self:
        if self.pretrain.part > 1:
            raise ValueError("pretrain.part: only a finetuning can end after a part of its updates; use finetune.part")
        return self

    @field_validator("benchmarks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(set(names)) != len(names):
            raise ValueError(f"name at least one benchmark, each once; got {', '.join(names) or 'none'}")
        for name in names:
            find_benchmark(name)
        return names

    @property
    def own_benchmarks(self) -> tuple[str, ...]:
        """Those that ask the study's own test questions."""
        return tuple(name for name in self.benchmarks if not is_public(name))

    @property
    def public_benchmarks(self) -> tuple[str, ...]:
        """Those whose questions are in a mirror."""
        return tuple(name for name in self.benchmarks if is_public(name))

    @property
    def setting(self) -> Setting:
        """Layers and fusion; the connector is that of this experiment."""
        return Setting(self.vision.layers, self.fusion.kind)

    def stage(self, name: StageName) -> Stage:
        return self.pretrain if name == "pretrain" else self.finetune

    def at(self, setting: Setting, seed: int) -> "Experiment":
        """The same experiment at another setting and seed."""
        vision = self.vision.model_copy(update={"layers": setting.layers})
        fusion = self.fusion.model_copy(update={"kind": setting.fusion})
        connector = setting.connector or self.connector
        return self.model_copy(update={"vision": vision, "fusion": fusion, "connector": connector, "seed": seed})
