"""How the layers of an experiment's setting enter its language model: one part for each, as the fusion says.

Shapes: N patches, D vision width, M image tokens, H language width.
"""

from collections.abc import Mapping

from torch import nn
from transformers.modeling_utils import PreTrainedModel

from shallowsight.errors import ConfigurationError
from shallowsight.model.connector.kinds import build_connector
from shallowsight.model.injection.added import Added
from shallowsight.model.injection.attended import Attended, Shape
from shallowsight.model.injection.injection import Injection
from shallowsight.model.injection.part import Part
from shallowsight.study.entries import entries_of, injected_layers
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import FUSIONS, Way


def build_injection(
    experiment: Experiment, depth: int, patches: int, widths: Mapping[int, int], language: PreTrainedModel
) -> Injection:
    """The injection of an experiment, with weights that follow torch's global seed; empty for a fusion outside.

    `depth` is the tower's, `patches` is N and `widths` has D for each layer. Every layer has a connector of its own, of
    the experiment's kind.

    Raises:
        ConfigurationError: the language model has no such state; of groups of layers that is known after the analysis.
    """
    layers, fusion = experiment.vision.layers, experiment.fusion.kind
    config = language.config.get_text_config()

    def part(layer: int, state: int) -> Part:
        connector: nn.Module = build_connector(experiment.connector, patches, widths[layer], config.hidden_size)
        if FUSIONS[fusion].way is Way.ATTENDED:
            return Attended(layer, state, connector, Shape.of(config))
        return Added(layer, state, connector)

    try:
        entries = entries_of(layers, fusion, depth, config.num_hidden_layers)
    except ValueError as error:
        raise ConfigurationError(f"setting {experiment.setting}: {error}") from None
    return Injection([part(*pair) for pair in zip(injected_layers(layers, fusion), entries, strict=True)])
