"""The class of each measure of kinds.py."""

from collections.abc import Callable, Mapping

from shallowsight.analysis.measures.attention_distance import AttentionDistance
from shallowsight.analysis.measures.cka_pooled import CkaOfPooled
from shallowsight.analysis.measures.cka_rbf import RbfCka
from shallowsight.analysis.measures.cka_tokens import CkaOfPatches
from shallowsight.analysis.measures.cosine_class import CosineOfClassTokens
from shallowsight.analysis.measures.cosine_patch import CosineOfPatches
from shallowsight.analysis.measures.cosine_pooled import CosineOfPooled
from shallowsight.analysis.measures.effective_rank import EffectiveRank
from shallowsight.analysis.measures.measure import Measure
from shallowsight.analysis.measures.mutual_knn import MutualNeighbours
from shallowsight.analysis.measures.norms import Norms
from shallowsight.analysis.measures.procrustes import Procrustes

MEASURES: Mapping[str, Callable[[], Measure]] = {
    "cosine_patch": CosineOfPatches,
    "cosine_class": CosineOfClassTokens,
    "cosine_pooled": CosineOfPooled,
    "cka_pooled": CkaOfPooled,
    "cka_tokens": CkaOfPatches,
    "cka_rbf": RbfCka,
    "mutual_knn": MutualNeighbours,
    "procrustes": Procrustes,
    "effective_rank": EffectiveRank,
    "norms": Norms,
    "attention_distance": AttentionDistance,
}
