"""When features are worth their disk."""

import pytest
from cost_subjects import LARGE, SMALL, study

from shallowsight.cost.caching import pays_to_cache
from shallowsight.study.resolved import TowerFacts


@pytest.mark.parametrize(
    ("words", "tower", "tokens", "images", "pays"),
    [
        pytest.param([], SMALL, 36, 2000, True, id="the demo"),
        pytest.param(["finetune.updates=1", "pretrain.updates=1"], SMALL, 36, 2000, False, id="read less than encoded"),
        pytest.param(["finetune.epochs=1", "pretrain.updates=0"], SMALL, 36, 2000, True, id="epochs"),
        pytest.param([], LARGE, 576, 2000, False, id="57 GB of features"),
        pytest.param(["finetune.updates=600"], LARGE, 576, 700, True, id="19.8 GB of features"),
        pytest.param(["finetune.updates=600"], LARGE, 576, 710, False, id="20.1 GB of features"),
        pytest.param(["pretrain.picture=crop"], SMALL, 36, 2000, False, id="other pictures while pretraining"),
        pytest.param(["finetune.picture=pad"], SMALL, 36, 2000, False, id="other pictures while finetuning"),
        pytest.param(
            ["pretrain.picture=crop", "finetune.picture=crop"], SMALL, 36, 2000, True, id="the same other pictures"
        ),
    ],
)
def test_pays_to_cache(words: list[str], tower: TowerFacts, tokens: int, images: int, pays: bool) -> None:
    assert pays_to_cache(study(*words).base, tower, tokens, images) is pays
