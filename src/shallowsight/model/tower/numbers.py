"""The numbers of a vision model as its config.json says them, or as transformers fills in what is left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.tower.families import ALONE, FAMILIES, WITHIN, Family


@dataclass(frozen=True)
class Numbers:
    """Every method raises ConfigurationError for a number that must be known and is not, or is none."""

    tower: str  # as the user wrote it
    name: str  # model_type
    config: Mapping[str, Any]  # of the vision model

    @property
    def known(self) -> bool:
        """Whether the family is in the table, which has transformers' defaults."""
        return self.name in FAMILIES or self.name in ALONE or self.name in WITHIN

    def depth(self, family: Family) -> int:
        return len(self.widths(family)) or self._needed("num_hidden_layers", family.depth)

    def width(self, family: Family) -> int:
        return self._needed("hidden_size", family.width)

    def widths(self, family: Family) -> tuple[int, ...]:
        """Of the stages; empty where all layers are equally wide."""
        return tuple(self.config.get("hidden_sizes") or family.widths) if family.widths else ()

    def tokens(self, family: Family) -> int:
        """Before the patches, of a known family."""
        key, default = family.counted or ("", 0)
        return family.tokens + int(self.config.get(key, default))

    def patch(self, family: Family) -> int | None:
        """Pixels; None where config.json does not say it."""
        found = self._side("patch_size")
        return family.patch if found is None and self.known else found

    def only_size(self, family: Family) -> int | None:
        """Pixels of the only size that is allowed; None where any multiple of the patch is.

        Whether a family that is not in the table takes other sizes than the one of its training is not known.
        """
        if not self.known:
            return self._side("image_size")
        if not family.one_size or self.config.get(family.any_size_if or ""):
            return None
        return self._side("image_size") or family.size

    def _needed(self, key: str, default: int) -> int:
        found = self.config.get(key, default if self.known else None)
        if not isinstance(found, int):
            raise ConfigurationError(
                f"vision.tower: config.json of {self.tower!r}, a {self.name!r} model, has no whole number {key}; "
                "only a model that says its number of layers (num_hidden_layers) and their width (hidden_size), one "
                "for all layers, can be a tower"
            )
        return found

    def _side(self, key: str) -> int | None:
        found = self.config.get(key)
        sides = set(found) if isinstance(found, list) else {found}
        if len(sides) != 1 or not all(isinstance(side, int | None) for side in sides):
            raise ConfigurationError(
                f"vision.tower: config.json of {self.tower!r} says {key}={found}; towers take square pictures and "
                "patches alone"
            )
        (side,) = sides
        return side
