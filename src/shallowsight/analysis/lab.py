"""The analysis of a tower over any pictures, without a study: groups, intervals, and the measures that are asked for.

The measures take all pictures. The groups, and what is said about how sure they are, take the first 208 of them: the
pictures come in random order, so these are a random sample.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shallowsight.analysis.agreement import noise_of
from shallowsight.analysis.analyze import analysis_of
from shallowsight.analysis.attentions import with_attentions
from shallowsight.analysis.borders import Find, Place, places, transition_layers
from shallowsight.analysis.grouping import groups_between
from shallowsight.analysis.measures.as_json import as_json
from shallowsight.analysis.measures.classes import MEASURES
from shallowsight.analysis.measures.kinds import Kind
from shallowsight.analysis.measures.measure import batch_of
from shallowsight.analysis.neighbours import Neighbours, neighbours
from shallowsight.analysis.pace import find_changes
from shallowsight.analysis.partition import best_borders, require_groups
from shallowsight.analysis.sample import ANALYSIS_IMAGES
from shallowsight.analysis.similarity import Similarity
from shallowsight.errors import ShallowsightError
from shallowsight.model.encode import PictureEncoder

ATTENTION_PICTURES = 16  # heads differ far more from each other than pictures do, and this pass is slow


class Lab:
    """Add batches of pictures, then read what analysis.json holds."""

    def __init__(self, encoder: PictureEncoder, kinds: Sequence[Kind]) -> None:
        self._encoder = encoder
        self._kinds = kinds
        self._measures = {kind.name: MEASURES[kind.name]() for kind in kinds}
        self._seen = Similarity()
        self._names: list[str] = []
        self._attended = 0
        self.pictures = 0

    def add(self, names: Sequence[str], pixels_BCHW: Tensor) -> None:
        """Pictures that were not added before, with their names.

        Raises:
            ShallowsightError: the hidden states are not finite.
        """
        tower = self._encoder.tower
        batch = batch_of(tower, self._encoder.hidden_states(pixels_BCHW)[1:])
        if not np.isfinite(batch.pooled).all():
            broken = next(name for n, name in enumerate(names) if not np.isfinite(batch.pooled[:, n]).all())
            raise ShallowsightError(
                f"{broken}: the tower's hidden states hold values that are no finite numbers; "
                "try another precision or other weights"
            )
        for kind in self._kinds:
            if not kind.attentions:
                self._measures[kind.name].add(batch)
        wanted = min(len(names), ANALYSIS_IMAGES - len(self._names))
        if wanted > 0:
            self._seen.add(torch.stack([layer[:wanted] for layer in batch.patches]))
            self._names += names[:wanted]
        self._add_attentions(pixels_BCHW)
        self.pictures += len(names)

    def _add_attentions(self, pixels_BCHW: Tensor) -> None:
        attentive = [self._measures[kind.name] for kind in self._kinds if kind.attentions]
        for picture in torch.split(pixels_BCHW, 1) if attentive else ():
            if self._attended == ATTENTION_PICTURES:
                return
            self._attended += 1
            tower = self._encoder.tower
            states, found = with_attentions(tower, picture.to(next(tower.parameters()).device))
            batch = batch_of(tower, states[1:], found)
            for measure in attentive:
                measure.add(batch)

    def found(self, groups: int | None) -> dict[str, Any]:
        """With groups where a test finds them; with a number of groups the best borders for it.

        Raises:
            ConfigurationError: the number of groups is not allowed.
        """
        result = analysis_of(self._seen, self._names)
        if groups is not None:
            result |= self._asked(groups)
            # `boundaries` are no longer those of the test, whose findings keep another name therefore.
            result["evidence_of_the_test"] = result.pop("evidence")
        found = self._places(groups, [group["layers"][-1] for group in result["groups"][:-1]])
        if groups is not None:
            result["boundaries"] = [
                {"after": each.after, "stability": each.places.get(each.after, 0.0)} for each in found
            ]
        return {
            **result,
            "groups_asked": groups,
            "places": [_place(each) for each in found],
            "transition_layers": transition_layers(found),
            "neighbours": [_neighbours(each) for each in neighbours(self._seen)],
            "measures": {
                kind.name: {"line": kind.says, "source": kind.source, **as_json(self._measures[kind.name].found())}
                for kind in self._kinds
            },
        }

    def _asked(self, groups: int) -> dict[str, Any]:
        cosine = self._seen.cosine()
        require_groups(groups, len(cosine))
        return {"groups": [asdict(group) for group in groups_between(best_borders(cosine, groups), cosine)]}

    def _places(self, groups: int | None, borders: Sequence[int]) -> tuple[Place, ...]:
        if not borders:
            return ()
        return places(self._seen.cosine, len(self._names), borders, self._finder(groups))

    def _finder(self, groups: int | None) -> Find:
        if groups is not None:
            return lambda similarity: best_borders(similarity, groups)
        noise = noise_of(self._seen.cosine, range(len(self._names)))
        return lambda similarity: find_changes(similarity, noise).borders


def _place(place: Place) -> dict[str, Any]:
    shares = {str(after): share for after, share in place.places.items()}
    return {"after": place.after, "places": shares, "interval": place.interval, "transition": place.transition}


def _neighbours(each: Neighbours) -> dict[str, Any]:
    return {
        "layers": [each.after, each.after + 1],
        "cosine": round(each.cosine, 6),
        "cosine_interval": _rounded(each.cosine_interval),
        "cka": round(each.cka, 6),
        "cka_interval": _rounded(each.cka_interval),
    }


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 6) for number in numbers]
