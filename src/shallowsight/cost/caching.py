"""Whether encoding every picture once is worth the disk."""

from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.stages import STAGES

CACHE_LIMIT = 20e9  # bytes; beyond it a cache of features costs more disk than it saves time
HALF = 2  # bytes of a float16


def pays_to_cache(base: Experiment, tower: TowerFacts, tokens: int, images: int) -> bool:
    """True when features are read more often than encoded and fit the disk of a laptop.

    The paper's full study would need 16 TB to save two percent; the embedded default half a gigabyte to save most of
    its time. Depends on one experiment alone: every machine decides alike, and so does the study with another seed.
    """
    if base.pretrain.picture != base.finetune.picture:
        return False  # no feature of one stage is of use to the other
    seen = sum((base.stage(name).updates or 0) * base.stage(name).global_batch for name in STAGES)
    read_again = seen > images or base.finetune.epochs is not None
    return read_again and images * tower.depth * tokens * tower.width * HALF < CACHE_LIMIT
