"""What the model is really asked through lmms-eval: earlier turns, texts that look like control tokens, long ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shallowsight.data.conversation import TEMPLATES, encode_record
from shallowsight.data.held_out import held_out_file
from shallowsight.data.questions import EARLIER_TURNS, questions_of
from shallowsight.data.records import read_jsonl, write_jsonl
from shallowsight.data.shortened import SHORTENED, Shortened
from shallowsight.data.tokenizer import train_tokenizer
from shallowsight.errors import DataRefused
from shallowsight.evaluate.harness import Evaluated, evaluate
from shallowsight.study.experiment import Experiment

ANSWERS = ["no </s> yes", "<s>9</s>", "a\n\nb", "<pad>"]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory, prepared: Any) -> Path:
    """Prepared data of texts alone, to be learnt by heart; the answers look like control tokens."""
    folder = tmp_path_factory.mktemp("talk")
    for path in prepared.folder.iterdir():
        if path.name.startswith("images"):
            (folder / path.name).symlink_to(path)
    records = [
        {
            "id": f"t{number}",
            "conversations": [
                {"from": "human", "value": f"Say number {number}."},
                {"from": "gpt", "value": answer},
                {"from": "human", "value": " And again? "},  # only what was said before tells
                {"from": "gpt", "value": answer},
            ],
        }
        for number, answer in enumerate(ANSWERS)
    ]
    for name in ("pretrain.jsonl", "finetune.jsonl"):
        write_jsonl(records, folder / name)
    write_jsonl([], held_out_file(folder))
    write_jsonl(questions_of(records, in_context=True), folder / "questions.jsonl")
    turns = [turn["value"] for record in records for turn in record["conversations"]]
    train_tokenizer(turns, 300, folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def learnt(
    talk: Path, make_job: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Experiment, Path]:
    from shallowsight.train.stage import run_stage

    job = make_job("finetune", finetune__updates=150, finetune__learning_rate=5e-3)
    run_stage(job.model_copy(update={"data": talk}), lambda *_: None)
    return job.experiment, job.out


Run = Callable[..., tuple[list[dict[str, Any]], Shortened]]


@pytest.fixture
def run(learnt: tuple[Experiment, Path], talk: Path, tmp_path: Path) -> Run:
    experiment, checkpoint = learnt

    def go(
        max_length: int = experiment.language.max_length, data: Path = talk
    ) -> tuple[list[dict[str, Any]], Shortened]:
        language = experiment.language.model_copy(update={"max_length": max_length})
        for name in ("out", "work"):
            (tmp_path / name).mkdir()
        asked = experiment.model_copy(update={"language": language})
        evaluate(Evaluated(asked, checkpoint, data, None), tmp_path / "out", tmp_path / "work")
        return list(read_jsonl(tmp_path / "out" / "samples.jsonl")), Shortened.read(tmp_path / "out" / SHORTENED)

    return go


def test_answers_that_look_like_control_tokens_survive(run: Run) -> None:
    samples, shortened = run()
    assert [(s["id"], s["prediction"], s["correct"]) for s in samples] == [
        (f"t{n}#{turn}", answer, 1) for n, answer in enumerate(ANSWERS) for turn in (0, 1)
    ], "and the second question has an answer only after the first"
    assert shortened.share == 0 and shortened.records == 8


def test_accepted_answers_and_soft_scores(run: Run, talk: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for path in talk.iterdir():
        (data / path.name).symlink_to(path)
    rows = list(read_jsonl(talk / "questions.jsonl"))[::2]
    changes: list[dict[str, Any]] = [
        {},
        {"answer": "nine", "accepted": ["ten", "<s>9</s>."]},
        {"accepted": ["A\n\nB", *["c"] * 9], "score": "vqa"},
        {"answer": "[0, 0, 0.5, 1]", "score": "iou"},
    ]
    (data / "questions.jsonl").unlink()
    write_jsonl([row | change for row, change in zip(rows, changes, strict=True)], data / "questions.jsonl")
    samples, _ = run(data=data)
    assert [s["correct"] for s in samples] == pytest.approx([1, 1, 0.3, 0])
    assert [s["score"] for s in samples] == ["exact", "exact", "vqa", "iou"]
    assert [(s["target"], s["accepted"]) for s in samples[:2]] == [(ANSWERS[0], []), ("nine", ["ten", "<s>9</s>."])]
    (score,) = json.loads((tmp_path / "out" / "scores.json").read_text())["benchmarks"]
    assert (score["metric"], score["n"]) == ("accuracy", 4)
    assert score["value"] == pytest.approx(2.3 / 4)


def test_the_prompt_is_what_training_saw(
    run: Run, talk: Path, learnt: tuple[Experiment, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shallowsight.evaluate.adapter import ShallowsightModel
    from shallowsight.model.language.language import load_tokenizer

    prompts: list[list[int]] = []
    row_of = ShallowsightModel._row

    def spy(self: Any, request: Any) -> Any:
        found = row_of(self, request)
        prompts.append(found.ids)
        return found

    monkeypatch.setattr(ShallowsightModel, "_row", spy)
    run()
    tokenizer, template = load_tokenizer(str(talk / "tokenizer")), TEMPLATES[learnt[0].finetune.template]
    seen = [list(encode_record(r, template, tokenizer, 4).ids) for r in read_jsonl(talk / "finetune.jsonl")]
    pairs = [(prompt, seen[number // 2]) for number, prompt in enumerate(prompts)]
    assert len(pairs) == 8 and all(whole[: len(prompt)] == prompt for prompt, whole in pairs)
    assert all(len(second) > len(first) for first, second in zip(prompts[::2], prompts[1::2], strict=True))


def test_a_question_that_is_too_long_is_left_out_and_named(run: Run, lengths: dict[str, int]) -> None:
    limit = sorted(lengths.values())[-2]
    samples, shortened = run(max_length=limit)
    assert shortened.left_out == [name for name, length in lengths.items() if length > limit] != []
    assert [s["id"] for s in samples] == [name for name, length in lengths.items() if length <= limit]
    assert (shortened.records, shortened.longest, shortened.cut) == (8, max(lengths.values()), [])


def test_no_question_that_fits_is_an_error(run: Run, lengths: dict[str, int]) -> None:
    with pytest.raises(DataRefused, match=r"benchmark 'own': none of its questions fits language\.max_length=3 tokens"):
        run(max_length=3)


@pytest.fixture
def lengths(talk: Path, learnt: tuple[Experiment, Path]) -> dict[str, int]:
    """Question -> tokens of the turns before it, itself and its answer."""
    from shallowsight.model.language.language import load_tokenizer

    tokenizer, template = load_tokenizer(str(talk / "tokenizer")), TEMPLATES[learnt[0].finetune.template]
    found = {}
    for question in read_jsonl(talk / "questions.jsonl"):
        turns = [*(text for pair in question[EARLIER_TURNS] for text in pair), question["question"], question["answer"]]
        record = {"id": question["id"], "conversations": [{"value": turn} for turn in turns]}
        found[question["id"]] = len(encode_record(record, template, tokenizer, 0).ids) - 1  # its end is said, not read
    return found
