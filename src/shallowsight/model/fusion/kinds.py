"""The list of all fusions: `fusion.kind` of an experiment -> its class."""

from collections.abc import Mapping

from shallowsight.model.fusion.concat import Concat
from shallowsight.model.fusion.fusion import Fusion
from shallowsight.model.fusion.single import Single
from shallowsight.study.settings import FusionKind

FUSIONS: Mapping[FusionKind, type[Fusion]] = {"single": Single, "concat": Concat}
