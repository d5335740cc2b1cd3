"""The list of all connectors: `connector.kind` of an experiment -> how it is made.

Shapes: B images, N fused patch vectors, M image tokens, D fused width, H language width.
"""

from collections.abc import Callable, Mapping

from torch import nn

from shallowsight.model.connector.avgpool_mlp import AvgpoolMlp
from shallowsight.model.connector.c_abstractor import CAbstractor
from shallowsight.model.connector.ldp import Ldp
from shallowsight.model.connector.ldpv2 import Ldpv2
from shallowsight.model.connector.merger import Merger
from shallowsight.model.connector.mlp import Mlp
from shallowsight.model.connector.resampler import Resampler
from shallowsight.model.connector.sizes import Sizes
from shallowsight.study.connectors import Connector

CONNECTORS: Mapping[str, Callable[[Sizes], nn.Module]] = {
    "merger": Merger,
    "avgpool_mlp": AvgpoolMlp,
    "c_abstractor": CAbstractor,
    "ldp": Ldp,
    "ldpv2": Ldpv2,
    "resampler": Resampler,
}


def build_connector(connector: Connector, patches: int, vision_width: int, language_width: int) -> nn.Module:
    """The connector for `patches` fused patch vectors, with weights that follow torch's global seed.

    Raises:
        ValueError: it cannot make so many image tokens of them.
    """
    sizes = Sizes(patches, connector.tokens_of(patches), vision_width, language_width)
    if connector.matrices is not None:
        return Mlp(connector.matrices, vision_width, language_width)
    return CONNECTORS[connector.kind](sizes)
