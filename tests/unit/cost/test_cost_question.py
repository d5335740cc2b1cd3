"""The operations of one question that a finished model is asked."""

import pytest
from cost_subjects import SMALL, clip_l, subject

from shallowsight.cost.operations import forward_operations, tower_operations
from shallowsight.cost.parts.inside import attending_layer
from shallowsight.cost.question import question_operations
from shallowsight.cost.subject import Subject
from shallowsight.errors import ConfigurationError
from shallowsight.study.image_tokens import QUESTION_TOKENS
from shallowsight.study.settings import Setting


def operations(s: Subject, setting: str) -> float:
    return question_operations(s.experiment(Setting.parse(setting)), s.tower, s.language)


def test_one_question_by_hand() -> None:
    """A layer of width 384 on 144 patches of 14 pixels, pooled to 36; also where the study caches features."""
    s = subject(cached=True)
    connector = 2 * (384 * 128 + 128 * 128) * 36
    read = forward_operations(s.language, 36 + QUESTION_TOKENS, 1)
    assert operations(s, "8") == tower_operations(SMALL, 168, 8) + connector + read


def test_the_deepest_layer_decides_about_the_tower() -> None:
    s = subject()
    deeper = tower_operations(SMALL, 168, 11) - tower_operations(SMALL, 168, 8)
    assert operations(s, "11") - operations(s, "8") == pytest.approx(deeper)
    assert operations(s, "4,8,11:mean") == pytest.approx(operations(s, "11"))


def test_fewer_image_tokens_cost_less_and_layers_that_attend_more() -> None:
    s = clip_l()
    assert operations(s, "23+avgpool_mlp@144") < operations(s, "23")
    inside = attending_layer(s.language, 576 + QUESTION_TOKENS, 576)
    more = sum(piece.forward for piece in inside)
    direct, modular = (operations(s, f"8>1|23:internal-{how}") for how in ("direct", "modular"))
    assert modular == pytest.approx(direct + more)


def test_a_tower_in_stages_is_not_counted() -> None:
    s = subject(tower=SMALL.model_copy(update={"stride": 28}))
    with pytest.raises(ConfigurationError, match="not counted"):
        operations(s, "8")
