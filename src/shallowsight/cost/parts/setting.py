"""All pieces that a setting adds to tower and language model."""

from collections.abc import Iterator
from dataclasses import dataclass

from shallowsight.cost.parts.connectors import connector_pieces
from shallowsight.cost.parts.fusions import fusion_pieces
from shallowsight.cost.parts.inside import attending_layer
from shallowsight.cost.parts.pieces import Piece, parameters
from shallowsight.cost.shapes import LanguageShape
from shallowsight.study.entries import injected_layers
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import FUSIONS, Way, fused_tokens, fused_width
from shallowsight.study.image_tokens import feature_tokens, image_tokens
from shallowsight.study.legal import widths_of
from shallowsight.study.resolved import TowerFacts


@dataclass(frozen=True)
class Parts:
    """The pieces of one setting."""

    outside: tuple[Piece, ...]  # fusion and connector, and a connector for each layer that enters the language model
    attending: int  # layers of the language model that attend to a layer of the tower
    image_tokens: int
    connectors: int
    language: LanguageShape

    def inside(self, tokens: float) -> tuple[Piece, ...]:
        """The pieces in front of layers of the language model, for a sequence of `tokens` tokens with a picture."""
        return self.attending * attending_layer(self.language, tokens, self.image_tokens)

    @property
    def parameters(self) -> int:
        return parameters(self.outside) + parameters(self.inside(0))

    @property
    def sides(self) -> Iterator[tuple[int, int]]:
        """(in, out) of every linear layer."""
        return (piece.sides for piece in (*self.outside, *self.inside(0)) if piece.sides is not None)

    @property
    def forward(self) -> float:
        """Operations of fusion and connectors for one picture, forward."""
        return sum(piece.forward for piece in self.outside)

    @property
    def trained(self) -> float:
        """Operations of fusion and connectors for one picture, forward and backward; the features need no gradient."""
        return sum(piece.trained for piece in self.outside)

    @property
    def kept(self) -> float:
        """Numbers that fusion and connectors keep of one picture for the backward pass.

        Of each connector the output counts twice: its copy goes into the language model.
        """
        return sum(piece.kept for piece in self.outside) + 2 * self.connectors * self.image_tokens * self.language.width


def parts_of(experiment: Experiment, tower: TowerFacts, language: LanguageShape) -> Parts:
    """The pieces of an experiment's fusion, connector and injection.

    Raises:
        ConfigurationError: the connector cannot make the image tokens.
    """
    layers, kind = experiment.vision.layers, experiment.fusion.kind
    widths, patches = widths_of(tower, layers), feature_tokens(tower, experiment.vision)
    tokens = image_tokens(experiment, tower)
    fusion = fusion_pieces(layers, kind, widths, patches)
    outside = fusion + connector_pieces(
        experiment.connector,
        fused_tokens(layers, kind, patches),
        fused_width(layers, kind, widths),
        language.width,
        first=not parameters(fusion),
    )
    injected = injected_layers(layers, kind)
    for layer in injected:
        outside += connector_pieces(experiment.connector, patches, widths[layer], language.width, first=True)
    attending = len(injected) if FUSIONS[kind].way is Way.ATTENDED else 0
    return Parts(outside, attending, tokens, 1 + len(injected), language)
