"""A resolved study: its names, files and tower are fixed, and facts about them are known."""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiment import EMBEDDED_TOWER, Experiment
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName
from shallowsight.study.study import Study


class TowerFacts(BaseModel):
    """The facts of a tower that other parts of a study need; `digest` is a digest of its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    family: str
    depth: int
    width: int
    patch: int  # pixels
    has_class_token: bool
    prefix_tokens: int = 0  # before the patches in hidden states; left out in old documents: the class token alone
    widths: tuple[int, ...] = ()  # of the layers, where they differ
    stride: int | None = None  # pixels; of a tower in stages: a place of its last grid
    only_size: int | None = None  # pixels; the only size of pictures that the tower takes
    digest: str
    revision: str | None = None  # that a loader must find: a hub commit, or the digest of files

    @model_validator(mode="before")
    @classmethod
    def _written_without_prefix_tokens(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "prefix_tokens" not in raw and "has_class_token" in raw:
            return raw | {"prefix_tokens": int(raw["has_class_token"])}
        return raw

    @property
    def in_a_folder(self) -> bool:
        """Whether the tower is in a folder or a bucket, not in the hub."""
        return self.name != EMBEDDED_TOWER and self.revision in {None, self.digest}

    def tokens(self, image_size: int, pool: int, features: str) -> int:
        """Image tokens of one picture.

        Raises:
            ConfigurationError: the tower does not take this size, or has no class token to keep.
        """
        unit = math.lcm(self.patch * pool, self.stride or 1)
        if self.only_size is not None and image_size != self.only_size:
            raise ConfigurationError(
                f"vision.image_size={image_size}: {self.name} takes the size of its training only; set "
                f"vision.image_size={self.only_size}"
            )
        if image_size % unit:
            nearest = max(1, round(image_size / unit)) * unit
            stages = f", and stages that end at {self.stride} pixels" if self.stride else ""
            raise ConfigurationError(
                f"vision.image_size={image_size} is no multiple of {unit} (patch {self.patch} of {self.name} "
                f"x vision.pool {pool}{stages}); "
                + (
                    f"the nearest that is: {nearest}"
                    if self.only_size is None
                    else "choose another vision.pool or tower"
                )
            )
        if features == "cls_patch" and not self.has_class_token:
            raise ConfigurationError(f"vision.features=cls_patch, but {self.name} has no class token; use patch")
        return (image_size // (self.patch * pool)) ** 2 + (features == "cls_patch")

    def width_of(self, layer: int) -> int:
        """The width of a layer's hidden states."""
        return self.widths[layer - 1] if self.widths else self.width


class SourceFacts(BaseModel):
    """The facts of a source before it is prepared for training. Equal digests mean equal records and pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    train_rows: int
    test_rows: int
    images: int


class SetFacts(BaseModel):
    """The facts of a public benchmark's set in a mirror, or why it cannot be asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str = ""
    split: str = ""
    revision: str = ""
    rows: int = 0
    not_run: str = ""
    unscored: str = ""  # why it is asked for a submission file only


class Resolved(BaseModel):
    """A study whose names, files and tower are fixed: the one document that every step takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: Study
    tower: TowerFacts
    language_digest: str  # of the weights that training starts from
    sources: dict[str, SourceFacts]
    public: dict[str, SetFacts] = {}  # of each public benchmark
    cache_features: bool  # decided by cost.caching

    def rows(self, stage: StageName) -> int:
        """Training records of a stage, before the gate."""
        data = self.study.base.data
        names = data.finetune if stage == "finetune" else data.pretrain or data.finetune
        return sum(self.sources[name].train_rows for name in names)

    @property
    def images(self) -> int:
        return sum(facts.images for facts in self.sources.values())

    @property
    def public_rows(self) -> dict[str, int]:
        """The most rows of each public benchmark that each model is asked; those that cannot be asked are left out."""
        most = self.base.data.benchmark_rows or math.inf
        return {name: int(min(facts.rows, most)) for name, facts in self.public.items() if not facts.not_run}

    @property
    def scored_rows(self) -> dict[str, int]:
        """The same without the benchmarks that are asked for a submission file only."""
        return {name: rows for name, rows in self.public_rows.items() if not self.public[name].unscored}

    @property
    def base(self) -> Experiment:
        return self.study.base

    def document(self) -> str:
        """The text of study.json."""
        return self.model_dump_json(indent=1)

    def setting(self, text: str) -> Setting:
        """Read a setting for this study's tower; raises ConfigurationError for a text that is not a setting."""
        try:
            return Setting.parse(text, self.tower.depth)
        except ValueError as error:
            raise ConfigurationError(f"setting {text!r}: {error}") from None
