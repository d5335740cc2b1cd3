"""A process with transformers alone computes what the trained model computes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_cells import LONGEST, Asked, own_results, questions, write_cell
from stock_process import ask_stranger, user

from shallowsight.data.plain_text import plain_text
from shallowsight.export.cell import find_cell
from shallowsight.export.write import export
from shallowsight.study.experiment import Experiment
from shallowsight.study.settings import Setting

pytestmark = pytest.mark.slow

LLAVA, VIPLLAVA = "LlavaForConditionalGeneration", "VipLlavaForConditionalGeneration"
MLP = {"connector__kind": "mlp2x_gelu"}
# The arithmetic is the same, so the difference is expected to be 0. Only the place of weights in memory differs, by
# which a matrix product may choose another order of its sums: then float32 differs by some units of 1e-7 of a value.
# Means and learned shares are folded into a matrix, which changes the order of sums of up to four numbers.
TOLERANCE = 1e-5  # of the largest logit

SETTINGS = [
    pytest.param("clip", "2", LLAVA, 50, {}, id="one layer, linear"),
    pytest.param("clip", "1,3", LLAVA, 50, MLP, id="list, mlp2x_gelu"),
    pytest.param("clip", "3,3,3", LLAVA, 4, {}, id="one layer three times"),
    pytest.param("clip", "4", LLAVA, 4, {"vision__features": "cls_patch"}, id="class token kept"),
    pytest.param(
        "clip", "1,4", LLAVA, 4, {"vision__image_size": 42, "finetune__picture": "crop"}, id="larger, cropped"
    ),
    pytest.param("clip", "2", VIPLLAVA, 50, {"vision__normalize": True, **MLP}, id="normalised"),
    pytest.param("siglip", "2", LLAVA, 4, MLP, id="siglip"),
    pytest.param("siglip", "1,4", LLAVA, 4, {"vision__image_size": 42}, id="siglip, list, larger"),
    pytest.param("dinov2", "4", LLAVA, 4, MLP, id="dinov2, last layer"),
    pytest.param("dinov2", "2,3", LLAVA, 4, {"vision__image_size": 42}, id="dinov2, list, larger"),
    pytest.param("dinov2", "3", VIPLLAVA, 4, {"vision__normalize": True}, id="dinov2, normalised, linear"),
    pytest.param("clip", "1,2,4:sci", LLAVA, 4, MLP, id="the last layer in front"),
    pytest.param("clip", "1-4:mean", LLAVA, 4, MLP, id="mean"),
    pytest.param("siglip", "1,3:sum", LLAVA, 4, {}, id="sum"),
    pytest.param("clip", "1-3|2,4|3:mean-concat", LLAVA, 4, MLP, id="means that share layers"),
    pytest.param("clip", "1-4:dci", LLAVA, 4, MLP, id="dci"),
    pytest.param("dinov2", "1,2,4:scalar-mix", LLAVA, 4, MLP, id="learned shares"),
    pytest.param("clip", "1,3,4:concat-norm", VIPLLAVA, 4, MLP, id="norm of several layers"),
    pytest.param("clip", "2", LLAVA, 4, {"finetune__template": "v1", "language__max_length": 200}, id="vicuna's words"),
]


@pytest.mark.parametrize(("family", "text", "class_name", "count", "changes"), SETTINGS)
@pytest.mark.usefixtures("one_thread")
def test_logits_and_answers_are_the_same(
    family: str,
    text: str,
    class_name: str,
    count: int,
    changes: dict[str, Any],
    small: Callable[..., Experiment],
    towers: dict[str, Path],
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    setting = Setting.parse(text)
    own = {"vision__normalize": False, "fusion__kind": setting.fusion, "vision__layers": str(setting.layers)} | changes
    experiment = small(vision__tower=str(towers[family]), **own)
    cell = write_cell(experiment, tokenizer, tmp_path / "cell")
    export(find_cell(str(cell)), tmp_path / "exported", str(towers[family]))

    asked = questions(count, tmp_path)
    logits, answers = own_results(cell, towers[family], asked)
    found = ask_stranger(tmp_path / "exported", [(one.picture, _messages(one)) for one in asked], tmp_path, LONGEST)

    assert found.class_name == class_name
    largest = 0.0
    for number, (ours, theirs) in enumerate(zip(logits, found.logits, strict=True)):
        assert theirs.shape == (len(ours), len(tokenizer) + 1), number  # a row for the image token
        difference = (ours - theirs[:, : len(tokenizer)]).abs().max() / ours.abs().max()
        largest = max(largest, difference.item())
    print(f"largest difference of a logit: {largest:.1e} of the largest logit")
    assert largest <= TOLERANCE
    assert found.answers == [plain_text(ids, tokenizer).strip() for ids in answers]
    assert len(set(found.answers)) > count // 4  # the model tells them apart
    assert not torch.equal(logits[0][-1], logits[3][-1])


def _messages(one: Asked) -> list[dict[str, Any]]:
    """The picture is in the first message."""
    pairs = [*one.earlier, (one.question, "")]
    turns = []
    for number, (question, answer) in enumerate(pairs):
        turns.append(user(question, pictured=one.picture is not None and number == 0))
        turns.append({"role": "assistant", "content": answer})
    return turns[:-1]
