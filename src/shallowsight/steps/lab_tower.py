"""The tower of an analysis that belongs to no study."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shallowsight.errors import ConfigurationError
from shallowsight.study.layers import Layers
from shallowsight.study.resolved import TowerFacts

if TYPE_CHECKING:
    from shallowsight.model.encode import PictureEncoder


@dataclass(frozen=True)
class LabTower:
    """A tower as `vision.tower` takes it, and the pixels of a side; None takes the size nearest to `usual_size`."""

    name: str
    image_size: int | None
    usual_size: int
    prefix_tokens: int | None = None  # of a family that is not known
    patch: int | None = None  # where the tower's files do not say it

    def facts(self) -> TowerFacts:
        """Depth, width and patch of the tower, whose files are looked for but not read.

        Raises:
            ConfigurationError: there is no such tower, or the size is no multiple of its patch.
        """
        from shallowsight.model.tower.facts import PATCH_KEY, TOKENS_KEY, describe

        try:
            found = describe(self.name, None, self.prefix_tokens, self.patch)
        except ConfigurationError as error:
            options = {TOKENS_KEY: "--prefix-tokens", PATCH_KEY: "--patch"}
            option = next((option for key, option in options.items() if str(error).startswith(key)), None)
            raise (ConfigurationError(f"{error}; here it is {option}") if option else error) from None
        self.image_size_of(found)
        return found

    def image_size_of(self, facts: TowerFacts) -> int:
        """Pixels of a side.

        Raises:
            ConfigurationError: the size is no multiple of the tower's patch, or the tower takes one size only.
        """
        if facts.only_size is not None and self.image_size in {None, facts.only_size}:
            return facts.only_size
        if facts.only_size is not None:
            raise ConfigurationError(
                f"--image-size {self.image_size}: {facts.name} takes the size of its training only, {facts.only_size}"
            )
        asked = self.usual_size if self.image_size is None else self.image_size
        unit = math.lcm(facts.patch, facts.stride or 1)
        nearest = max(1, round(asked / unit)) * unit
        if self.image_size not in {None, nearest}:
            raise ConfigurationError(
                f"--image-size {self.image_size} is no multiple of {unit}, the patch of {facts.name}; "
                f"the nearest that is: {nearest}"
            )
        return nearest

    def encoder(self, facts: TowerFacts, deepest: int) -> "PictureEncoder":
        """The tower up to its layer `deepest`; pictures are stretched to a square, so that all of each is seen.

        Its features are pooled to a number of tokens that probes can take; hidden states are whole.
        """
        from shallowsight.analysis.probes.size import probed_vision
        from shallowsight.model.encode import PictureEncoder
        from shallowsight.study.experiment import Vision

        vision = Vision(
            tower=self.name,
            revision=facts.revision,
            layers=Layers.of(deepest),
            image_size=self.image_size_of(facts),
            prefix_tokens=self.prefix_tokens,
            patch=self.patch,
            pool=1,
        )
        return PictureEncoder(probed_vision(vision, facts), facts, deepest, "stretch")
