"""A chat gives the answers of the evaluation, and an exported folder gives those of its cell."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from exported_cells import questions, write_cell
from PIL import Image

from shallowsight.chat.opening import open_model
from shallowsight.errors import ShallowsightError
from shallowsight.export.cell import TrainedCell
from shallowsight.export.write import export
from shallowsight.study.experiment import Experiment

pytestmark = pytest.mark.slow
LONGEST = 8


@pytest.fixture(scope="module")
def cell(small: Callable[..., Experiment], tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    changes = {"vision__normalize": False, "vision__layers": "1,3", "fusion__kind": "concat"}
    return write_cell(small(**changes), tokenizer, tmp_path_factory.mktemp("cell"))


@pytest.fixture(scope="module")
def exported(cell: Path, towers: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "exported"
    export(TrainedCell(cell, tower=str(towers["clip"])), out)
    return out


def chat(place: Path, tower: Path, picture: Path, question: str) -> str:
    pieces: list[str] = []
    model = open_model(str(place), str(picture), "", None, str(tower), LONGEST)
    answer = model.answer(question, (), pieces.append)
    assert "".join(pieces) == answer
    return answer


def ask(model: Any, asked: list[tuple[str, Path]]) -> list[str]:
    """Through lmms-eval's interface of models."""
    from lmms_eval.api.instance import Instance

    docs = [{"image": Image.open(picture)} for _, picture in asked]
    model.task_dict["t"] = {"test": docs}
    requests = [
        Instance(
            "generate_until", (question, {"max_new_tokens": LONGEST}, lambda doc: [doc["image"]], n, "t", "test"), 0,
            {"task": "t", "doc_id": n, "repeats": 1},
        )
        for n, (question, _) in enumerate(asked)
    ]  # fmt: skip
    answers: list[str] = model.generate_until(requests)
    return answers


def pictured(count: int, folder: Path) -> list[tuple[str, Path]]:
    return [(one.question, one.picture) for one in questions(count + 1, folder) if one.picture is not None]


def test_a_cell_answers_as_in_its_evaluation(cell: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    from shallowsight.evaluate.adapter import ShallowsightModel

    asked = pictured(6, tmp_path)
    evaluated = ask(ShallowsightModel(str(cell), device="cpu", tower=str(towers["clip"])), asked)
    assert [chat(cell, towers["clip"], picture, question) for question, picture in asked] == evaluated
    assert len(set(evaluated)) > 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"connector__kind": "avgpool_mlp", "connector__tokens": 1}, id="a connector that compresses"),
        pytest.param({"vision__image_size": 42, "vision__layers": "1,3", "fusion__kind": "sti"}, id="more tokens"),
        pytest.param({"vision__layers": "1>0|3", "fusion__kind": "internal-direct"}, id="layers that enter"),
        pytest.param({"vision__layers": "1>0|3", "fusion__kind": "internal-modular"}, id="layers attended to"),
    ],
)
def test_other_settings_answer_as_in_their_evaluation(
    changes: dict[str, Any],
    small: Callable[..., Experiment],
    tokenizer: Any,
    towers: dict[str, Path],
    tmp_path: Path,
) -> None:
    from shallowsight.evaluate.adapter import ShallowsightModel

    cell = write_cell(small(**changes), tokenizer, tmp_path / "cell")
    asked = pictured(4, tmp_path)
    evaluated = ask(ShallowsightModel(str(cell), device="cpu", tower=str(towers["clip"])), asked)
    assert [chat(cell, towers["clip"], picture, question) for question, picture in asked] == evaluated


@pytest.mark.usefixtures("one_thread")
def test_lmms_evals_own_model_answers_the_same(
    cell: Path, exported: Path, towers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`llava_hf`, whose messages are plain texts. It imports decord, for videos only, which are not asked about."""
    if "decord" not in sys.modules:
        videos = ModuleType("decord")
        videos.VideoReader = videos.cpu = None  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "decord", videos)
    from lmms_eval.models.simple.llava_hf import LlavaHf

    asked = pictured(50, tmp_path)
    found = ask(LlavaHf(str(exported), device="cpu", device_map="cpu"), asked)
    own = [chat(exported, towers["clip"], picture, question) for question, picture in asked[:6]]
    assert [answer.strip() for answer in found[:6]] == own  # in a chat of the same folder
    # The study's own evaluation rounds features to half precision, so that nearly equal tokens may change places.
    from shallowsight.evaluate.adapter import ShallowsightModel

    evaluated = ask(ShallowsightModel(str(cell), device="cpu", tower=str(towers["clip"])), asked)
    same = sum(a.strip() == b for a, b in zip(found, evaluated, strict=True))
    print(f"llava_hf gives {same} of {len(asked)} answers of the evaluation")
    assert same >= len(asked) - 2


def test_a_later_question_is_asked_after_the_others(cell: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    (question, picture), *_ = pictured(2, tmp_path)
    model = open_model(str(cell), str(picture), "", None, str(towers["clip"]), LONGEST)
    earlier = [("What is it?", "yes, 12")]
    assert model.has_room(question, earlier) and not model.has_room(question, earlier * 20)
    assert model.answer(question, earlier, lambda _: None) != model.answer(question, (), lambda _: None)


def test_an_exported_folder_is_asked_after_the_others_too(
    exported: Path, towers: dict[str, Path], tmp_path: Path
) -> None:
    (question, picture), *_ = pictured(2, tmp_path)
    model = open_model(str(exported), str(picture), "", None, "", LONGEST)
    earlier = [("What is it?", "yes, 12")]
    assert model.has_room(question, earlier) and not model.has_room(question, earlier * 20)
    assert model.answer(question, earlier, lambda _: None) != model.answer(question, (), lambda _: None)


def test_no_positions_left(
    cell: Path, towers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (question, picture), *_ = pictured(2, tmp_path)
    monkeypatch.setattr("shallowsight.model.language.room.positions_of", lambda _: 3)
    with pytest.raises(ShallowsightError, match="which leaves none for the answer"):
        chat(cell, towers["clip"], picture, question)
