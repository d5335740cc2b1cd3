"""A resolved study: its names, files and tower are fixed, and facts about them are known."""

from pydantic import BaseModel, ConfigDict

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
    digest: str
    revision: str | None = None  # that a loader must find: a hub commit, or the digest of files

    @property
    def in_a_folder(self) -> bool:
        """Whether the tower is in a folder or a bucket, not in the hub."""
        return self.name != EMBEDDED_TOWER and self.revision in {None, self.digest}

    def tokens(self, image_size: int, pool: int, features: str) -> int:
        """Image tokens of one picture.

        Raises:
            ConfigurationError: the size is not a multiple of patch x pool, or the tower has no class token to keep.
        """
        unit = self.patch * pool
        if image_size % unit:
            nearest = max(1, round(image_size / unit)) * unit
            raise ConfigurationError(
                f"vision.image_size={image_size} is no multiple of {unit} (patch {self.patch} of {self.name} "
                f"x vision.pool {pool}); the nearest that is: {nearest}"
            )
        if features == "cls_patch" and not self.has_class_token:
            raise ConfigurationError(f"vision.features=cls_patch, but {self.name} has no class token; use patch")
        return (image_size // unit) ** 2 + (features == "cls_patch")


class SourceFacts(BaseModel):
    """The facts of a source before it is prepared for training. Equal digests mean equal records and pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    train_rows: int
    test_rows: int
    images: int


class Resolved(BaseModel):
    """A study whose names, files and tower are fixed: the one document that every step takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: Study
    tower: TowerFacts
    language_digest: str  # of the weights that training starts from
    sources: dict[str, SourceFacts]
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
