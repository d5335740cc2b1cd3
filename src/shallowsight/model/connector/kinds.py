"""The list of all connectors: `connector.kind` of an experiment -> its class.

Shapes: B images, N patches, D fused width, H language width.
"""

from collections.abc import Callable, Mapping

from torch import nn

from shallowsight.model.connector.linear import Linear
from shallowsight.model.connector.mlp2x_gelu import Mlp2xGelu
from shallowsight.study.experiment import ConnectorKind

CONNECTORS: Mapping[ConnectorKind, Callable[[int, int], nn.Module]] = {"linear": Linear, "mlp2x_gelu": Mlp2xGelu}
