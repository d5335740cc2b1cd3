"""When features are worth their disk."""

import pytest
from cost_subjects import LARGE, SMALL, study, subject

from shallowsight.cost.caching import layer_bytes, pays_to_cache
from shallowsight.cost.local import features_bytes
from shallowsight.cost.subject import all_tasks
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


def test_the_answer_does_not_depend_on_the_settings() -> None:
    """Every cell of a study would get another digest, and be made again, when a setting is added."""
    few, many = (study(f"settings={words}", "finetune.updates=600") for words in ("9", "1-12:mean 9"))
    for images in (700, 710):
        assert pays_to_cache(few.base, LARGE, 576, images) == pays_to_cache(many.base, LARGE, 576, images)


def test_bytes_of_a_layer() -> None:
    assert layer_bytes(SMALL, 3, 36, 1000) == 1000 * 36 * 384 * 2


def test_settings_share_the_layers_that_they_read() -> None:
    s = subject("probes=false", "settings=9 3,6,9 3|9:internal-direct 1-3|3-9|9:mean-concat 9+c_abstractor 6,9:sti")
    tasks = all_tasks(s)
    assert [task.setting for task in tasks if task.step == "encode"] == [f"layer {k}" for k in range(1, 10)]
    assert features_bytes(s, tasks) == 9 * layer_bytes(SMALL, 9, 36, s.images)
    assert features_bytes(s, [task for task in tasks if task.step != "encode"]) == 0
