"""The list of all fusions: `fusion.kind` of an experiment -> its class. study/fusions.py says what each one takes."""

from collections.abc import Mapping

from shallowsight.model.fusion.blocks import Blocks
from shallowsight.model.fusion.concat_norm import ConcatNorm
from shallowsight.model.fusion.fusion import Fusion
from shallowsight.model.fusion.mmfuser import MMFuser
from shallowsight.model.fusion.scalar_mix import ScalarMix
from shallowsight.model.fusion.scalar_mix_norm import ScalarMixNorm
from shallowsight.model.fusion.sti import Sti
from shallowsight.model.fusion.sum import Sum

FUSIONS: Mapping[str, type[Fusion]] = {
    "single": Blocks,
    "concat": Blocks,
    "mean": Blocks,
    "sum": Sum,
    "mean-concat": Blocks,
    "scalar-mix": ScalarMix,
    "scalar-mix-norm": ScalarMixNorm,
    "concat-norm": ConcatNorm,
    "sti": Sti,
    "sci": Blocks,
    "dci": Blocks,
    "mmfuser": MMFuser,
    "deepstack": Blocks,
    "internal-direct": Blocks,
    "internal-modular": Blocks,
}
