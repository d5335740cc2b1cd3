"""A trained model as lmms-eval sees it, over a tiny real model."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shallowsight.data.records import read_jsonl
from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.study.experiment import Experiment

LAYERS = (2, 4)
Doc = dict[str, Any]


def train(experiment: Experiment, prepared: Any, facts: Any, cached: dict[int, Path], out: Path) -> Path:
    from shallowsight.train.process_task import ProcessTask
    from shallowsight.train.stage import run_stage

    job = ProcessTask(
        experiment=experiment,
        tower=facts,
        stage="finetune",
        data=prepared.folder,
        feature_folders=tuple(cached[k] for k in experiment.vision.layers.read),
        start=None,
        out=out,
        work=out.with_name(f"{out.name}-work"),
        threads=1,
    )
    run_stage(job, lambda *_: None)
    return out


@pytest.fixture(scope="module")
def checkpoint(
    small: Callable[..., Experiment],
    prepared: Any,
    facts: Any,
    cached: dict[int, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Trained long enough to give different answers to different questions."""
    experiment = small(vision__layers="2,4", fusion__kind="concat", finetune__updates=40)
    return train(experiment, prepared, facts, cached, tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def make(checkpoint: Path, cached: dict[int, Path], facts: Any) -> Callable[..., Any]:
    def model(*, features: bool, batch_size: int | str = 64, tower: str = facts.name, log: Any = None) -> Any:
        from shallowsight.evaluate.adapter import ShallowsightModel

        folders = ":".join(str(cached[k]) for k in LAYERS) if features else ""
        return ShallowsightModel(str(checkpoint), folders, batch_size, device="cpu", tower=tower, log=log)

    return model


@pytest.fixture(scope="module")
def docs(prepared: Any) -> list[Doc]:
    """All records' questions, those on the training pictures too, and one without a picture."""
    from shallowsight.data.questions import questions_of

    rows = [
        *questions_of(read_jsonl(prepared.folder / "finetune.jsonl"), in_context=False),
        *read_jsonl(prepared.folder / "questions.jsonl"),
    ]
    assert any(row["image"] is None for row in rows)
    return [row | {"shards": str(prepared.folder)} for row in rows]


def ask(model: Any, docs: list[Doc], task: str = "t", visual: Callable[[Doc], list[Any]] | None = None) -> list[str]:
    from lmms_eval.api.instance import Instance

    from shallowsight.evaluate.local_task import doc_to_visual

    model.task_dict[task] = {"test": docs}
    requests = [
        Instance("generate_until", (doc["question"], {"until": ["\n"]}, visual or doc_to_visual, n, task, "test"), 0,
                 {"task": task, "doc_id": n, "repeats": 1})
        for n, doc in enumerate(docs)
    ]  # fmt: skip
    answers: list[str] = model.generate_until(requests)
    return answers


def test_answers_differ_and_are_clean(make: Callable[..., Any], docs: list[Doc]) -> None:
    answers = ask(make(features=True), docs)
    assert len(answers) == len(docs)
    assert len(set(answers)) > 2
    assert all(answer == answer.strip() and "</s>" not in answer for answer in answers)


def test_pictures_and_cached_features_give_the_same_answers(make: Callable[..., Any], docs: list[Doc]) -> None:
    assert ask(make(features=False), docs) == ask(make(features=True), docs)


def test_order_and_batches_change_no_answer(make: Callable[..., Any], docs: list[Doc]) -> None:
    expected = dict(zip([d["id"] for d in docs], ask(make(features=True), docs), strict=True))
    shuffled = random.Random(1).sample(docs, len(docs))
    for size in (1, 3, "7"):
        found = ask(make(features=True, batch_size=size), shuffled)
        assert dict(zip([d["id"] for d in shuffled], found, strict=True)) == expected


def test_a_picture_matters(make: Callable[..., Any], docs: list[Doc]) -> None:
    with_picture = [d for d in docs if d["image"] and d["kind"] == "colour"]
    without = [d | {"image": None} for d in with_picture]
    model = make(features=True)
    assert ask(model, with_picture) != ask(model, without)


def test_other_tasks_beside_the_cache(make: Callable[..., Any], docs: list[Doc]) -> None:
    """A foreign task whose rows hold pictures, or keys of another data set, goes through the tower."""
    from shallowsight.evaluate.local_task import doc_to_visual

    own = [d for d in docs if d["image"]][:6]
    foreign = [
        own[0],
        own[1] | {"image": doc_to_visual(own[1])[0]},  # a Hugging Face data set's decoded column
        own[2] | {"image": "of/another/set.png", "real": own[2]},
        own[3] | {"image": doc_to_visual(own[3])[0]},
        *own[4:],
    ]

    def visual(doc: Doc) -> list[Any]:
        return [doc["image"]] if isinstance(doc["image"], Image.Image) else doc_to_visual(doc.get("real", doc))

    model = make(features=True)
    assert ask(model, foreign, visual=visual) == ask(model, own)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_pictures_of_other_modes(make: Callable[..., Any], docs: list[Doc], mode: str) -> None:
    picture = Image.new("RGB", (40, 30), (200, 30, 30)).convert(mode)
    doc = next(d for d in docs if d["image"])
    expected = ask(make(features=False), [doc], visual=lambda _: [picture.convert("RGB")])
    assert ask(make(features=False), [doc], visual=lambda _: [picture]) == expected


def test_a_question_with_several_pictures_is_not_asked(
    make: Callable[..., Any], docs: list[Doc], caplog: pytest.LogCaptureFixture
) -> None:
    picture = Image.new("RGB", (28, 28))
    model = make(features=False)
    shown = [doc for doc in docs if doc["image"]][:3]
    answers = ask(model, shown, task="pairs", visual=lambda doc: [picture] * (1 + (doc is shown[1])))
    alone = ask(model, [shown[0]], task="one", visual=lambda _: [picture])
    assert (answers[0], answers[1]) == (alone[0], "")
    assert model.refused == {("pairs", 1): "it shows 2 pictures at once; this model takes one"}
    assert "task pairs, row 1 is not asked: it shows 2 pictures at once" in caplog.text


def test_a_picture_is_encoded_once_for_all_questions_about_it(
    make: Callable[..., Any], docs: list[Doc], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shallowsight.model.encode import PictureEncoder

    seen: list[int] = []
    features = PictureEncoder.features
    monkeypatch.setattr(PictureEncoder, "features", lambda self, p, k: (seen.append(len(p)), features(self, p, k))[1])
    model = make(features=False, batch_size=3)
    shown = [doc for doc in docs if doc["image"]]
    answers = ask(model, shown)
    assert sum(seen) == len({doc["image"] for doc in shown}) < len(shown)
    assert ask(model, shown, task="another benchmark") == answers
    assert sum(seen) == len({doc["image"] for doc in shown}), "nor for another benchmark"
    assert len(set(model.picture_of.values())) == len({doc["image"] for doc in shown})


def test_answers_are_kept_as_they_come(
    make: Callable[..., Any], docs: list[Doc], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from shallowsight.evaluate.answer_log import AnswerLog
    from shallowsight.evaluate.answerer import Answerer
    from shallowsight.store.lines import Lines

    expected = ask(make(features=True), docs)
    model = make(features=True, batch_size=4, log=AnswerLog(Lines(tmp_path / "answers.jsonl")))
    answer, left = Answerer.answer, [2]

    def stop_after_two(self: Answerer, batch: Any) -> list[str]:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return answer(self, batch)

    monkeypatch.setattr(Answerer, "answer", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        ask(model, docs)
    again = make(features=True, batch_size=4, log=AnswerLog(Lines(tmp_path / "answers.jsonl")))
    asked: list[int] = []
    monkeypatch.setattr(Answerer, "answer", lambda self, batch: (asked.append(len(batch)), answer(self, batch))[1])
    assert ask(again, docs) == expected
    distinct = {(doc["question"], doc["image"]) for doc in docs}
    assert len(distinct) - 8 <= sum(asked) <= len(docs) - 8
    assert ask(again, docs) == expected and sum(asked) <= len(docs) - 8, "the whole log asks nothing"


def test_another_picture_prompt_or_length_is_another_question() -> None:
    from shallowsight.evaluate.adapter import _key
    from shallowsight.evaluate.answerer import Question
    from shallowsight.evaluate.seen_pictures import Seen

    red, blue = (Seen.of(lambda c=c: Image.new("RGB", (9, 9), c)) for c in ("red", "blue"))
    turned = Seen.of(lambda: Image.frombytes("RGB", (27, 3), Image.new("RGB", (9, 9), "red").tobytes()))
    keys = [
        _key(Question([1, 2], picture, limit))
        for picture, limit in ((red, 8), (blue, 8), (turned, 8), (None, 8), ("red", 8), (red, 9))
    ]
    keys += [_key(Question([1, 3], red, 8)), _key(Question([12], red, 8))]
    assert len(set(keys)) == len(keys)
    assert _key(Question([1, 2], Seen.of(lambda: Image.new("RGB", (9, 9), "red")), 8)) == keys[0]


def test_an_answer_ends_with_the_positions_of_the_model(
    small: Callable[..., Experiment],
    prepared: Any,
    facts: Any,
    cached: dict[int, Path],
    docs: list[Doc],
    tokenizer: Any,
    tmp_path: Path,
) -> None:
    """32 tokens may be asked for; a GPT-2 fails beyond its last position."""
    from transformers import GPT2Config, GPT2LMHeadModel

    from shallowsight.evaluate.adapter import MAX_NEW_TOKENS, ShallowsightModel

    shape = {"vocab_size": len(tokenizer), "n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": MAX_NEW_TOKENS}
    GPT2LMHeadModel(GPT2Config(**shape)).save_pretrained(tmp_path / "gpt2")
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained-work").mkdir()
    experiment = small(language__model=str(tmp_path / "gpt2"), language__max_length=MAX_NEW_TOKENS, finetune__updates=1)
    trained = train(experiment, prepared, facts, cached, tmp_path / "trained")
    model = ShallowsightModel(str(trained), str(cached[2]), device="cpu", tower=facts.name)
    together = ask(model, docs)
    assert len(together) == len(docs)
    assert together == [ask(model, [doc])[0] for doc in docs], "a longer prompt of the batch takes nobody's positions"
    with pytest.raises(ShallowsightError, match=r"tokens, language\.model has 32 positions, which leaves none"):
        ask(model, [docs[0] | {"question": "Which colour? " * 20}])


def test_prompts_longer_than_the_training_are_told_once_for_each_task(
    make: Callable[..., Any], docs: list[Doc], caplog: pytest.LogCaptureFixture
) -> None:
    long = [doc | {"question": "Which colour? " * 60} for doc in docs[:2]]
    model = make(features=True)
    assert len(ask(model, [*docs[2:6], *long], task="foreign")) == 6, "they are asked all the same"
    (message,) = (record.getMessage() for record in caplog.records if "too long" in record.getMessage())
    assert "task foreign: 2 of 6 prompts are too long for this model, the longest has" in message
    assert "language.max_length=96 tokens" in message and "larger language.max_length" in message


def test_prompts_that_fit_are_not_told(
    make: Callable[..., Any], docs: list[Doc], caplog: pytest.LogCaptureFixture
) -> None:
    ask(make(features=True), docs)
    assert "too long" not in caplog.text


def test_each_task_has_its_own_warning_and_the_answer_needs_a_token(caplog: pytest.LogCaptureFixture) -> None:
    from shallowsight.evaluate.long_prompts import warn_of_long_prompts

    warn_of_long_prompts([("a", 10), ("b", 9), ("a", 12), ("a", 3), ("c", 11)], limit=10)
    messages = [record.getMessage() for record in caplog.records]
    assert [m.split(" prompts")[0] for m in messages] == ["task a: 2 of 3", "task c: 1 of 1"]
    assert "the longest has 12 tokens" in messages[0] and "the longest has 11 tokens" in messages[1]


@pytest.mark.parametrize("method", ["loglikelihood", "generate_until_multi_round"])
def test_other_kinds_of_request_are_refused(make: Callable[..., Any], method: str) -> None:
    with pytest.raises(ShallowsightError, match="not supported"):
        getattr(make(features=True), method)([])


def test_folder_without_a_checkpoint(tmp_path: Path) -> None:
    from shallowsight.evaluate.adapter import ShallowsightModel

    with pytest.raises(ConfigurationError, match="is not a finetuned checkpoint: it has no experiment"):
        ShallowsightModel(str(tmp_path))


def test_half_a_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    from shallowsight.evaluate.adapter import ShallowsightModel

    half = Path(shutil.copytree(checkpoint, tmp_path / "half"))
    (half / "language.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"it has no language\.safetensors"):
        ShallowsightModel(str(half))


def test_lmms_eval_finds_it_by_name() -> None:
    from lmms_eval.models import get_model

    from shallowsight.evaluate.adapter import ShallowsightModel

    assert get_model("shallowsight") is ShallowsightModel


def test_a_tower_in_a_folder_has_to_be_named(make: Callable[..., Any], docs: list[Doc]) -> None:
    with pytest.raises(ConfigurationError, match="name it: checkpoint="):
        ask(make(features=False, tower=""), docs)


def test_another_tower_is_refused(make: Callable[..., Any], docs: list[Doc], towers: dict[str, Path]) -> None:
    with pytest.raises(ConfigurationError, match="has other weights"):
        ask(make(features=False, tower=str(towers["siglip"])), docs)


@pytest.mark.parametrize(
    ("ends", "rest"), [([], "a b. c"), (["."], "a b"), ("b", "a"), (["c", "b"], "a"), (["x"], "a b. c")]
)
def test_a_text_is_cut_at_the_ends_of_its_task(ends: Any, rest: str) -> None:
    from shallowsight.evaluate.adapter import _cut

    assert _cut("a b. c", ends) == rest
