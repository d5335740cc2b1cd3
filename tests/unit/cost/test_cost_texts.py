"""Records and tokens of a stage: counted in files that are here, assumed of published ones."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from cost_subjects import subject

from shallowsight.cost.texts import PUBLISHED, Talk, images, questions, stage_texts, tokens
from shallowsight.data.conversation import TEMPLATES
from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import PAPER, PAPER_MIXTURES
from shallowsight.study.settings import Setting


def record(number: int, question: str, answer: str, image: str | None = None, turns: int = 1) -> dict[str, Any]:
    talk = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}] * turns
    return {"id": str(number), "conversations": talk} | ({"image": image} if image else {})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three records with a picture, two of them the same one, and one without."""
    train = [
        record(0, "q" * 40, "a" * 20, "x.png"),
        record(1, "q" * 40, "a" * 60, "x.png"),
        record(2, "q" * 40, "a" * 40, "y.png"),
        record(3, "q" * 400, "a" * 800),
    ]
    (tmp_path / "train.json").write_text(json.dumps(train))
    (tmp_path / "test.jsonl").write_text(json.dumps(record(0, "q" * 8, "a", "z.png", turns=3)) + "\n")
    return tmp_path


@pytest.fixture(scope="module")
def prepared_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the demo's records, through the real step."""
    from shallowsight.data.prepare import prepare

    base = subject("data.scenes_train=60", "data.scenes_test=16", "data.easy_vqa_train=10", "data.easy_vqa_test=8").base
    out, work = tmp_path_factory.mktemp("prepared_demo"), tmp_path_factory.mktemp("work")
    prepare(base, out, work, work / "validation", None, lambda *_: None)
    return out


def words(folder: Path, *more: str) -> list[str]:
    return [
        f"data.finetune={folder / 'train.json'}",
        f"data.test={folder / 'test.jsonl'}",
        "data.pretrain=[]",
        f"data.images={folder}",
        *more,
    ]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("plain", 1 + 20 / 4 + 1, id="an answer alone"),
        pytest.param("short", 1 + 40 / 4 + 1 + 20 / 4 + 1, id="with a line's end after the question"),
    ],
)
def test_tokens_by_hand(template: str, expected: float) -> None:
    assert tokens(Talk(40, 20, 1), TEMPLATES[template]) == expected


def test_the_system_text_counts_once() -> None:
    one, two = (tokens(Talk(40, 20, turns), TEMPLATES["v1"]) for turns in (1, 2))
    assert one > 1 + 40 / 4 + 20 / 4 + len(TEMPLATES["v1"].system) / 4
    assert two - one < 10


def test_files_are_counted(files: Path) -> None:
    base = subject(*words(files)).base
    found = stage_texts(base, "finetune")
    assert (found.pictured, found.bare) == (3, 1)
    assert found.pictured_tokens == pytest.approx(1 + 10 + 1 + 10 + 1)
    assert found.bare_tokens == 1 + 100 + 1 + 200 + 1
    assert found.supervised == pytest.approx((20 + 60 + 40 + 800) / 4 / 4 + 1)
    assert found.longest == 1 + 10 + 1 + 15 + 1
    assert stage_texts(base, "pretrain").records == 4, "without captions the same records"
    assert questions(base) == 3
    assert images(base) == 3


def test_built_in_sources_follow_their_numbers() -> None:
    base = subject("data.scenes_train=100", "data.easy_vqa_train=50").base
    assert stage_texts(base, "finetune").records == 150
    assert stage_texts(base, "pretrain").records == 100
    assert questions(base) == 5 * 50 + 4 * base.data.easy_vqa_test


def test_built_in_lengths_are_those_of_the_demo(prepared_demo: Path) -> None:
    """The constants against the records that are really composed, through the tokenizer learnt from them."""
    from shallowsight.data.conversation import encode_record
    from shallowsight.data.records import read_jsonl
    from shallowsight.model.language.language import load_tokenizer

    tokenizer = load_tokenizer(str(prepared_demo / "tokenizer"))
    base = subject().base
    for stage in ("pretrain", "finetune"):
        template = TEMPLATES[base.stage(stage).template]
        examples = [encode_record(r, template, tokenizer, 0) for r in read_jsonl(prepared_demo / f"{stage}.jsonl")]
        lengths = [len(example.ids) for example in examples]
        found = stage_texts(base, stage)
        assert found.pictured_tokens == pytest.approx(sum(lengths) / len(lengths), rel=0.15)
        supervised = [example.supervised for example in examples]
        assert found.supervised == pytest.approx(sum(supervised) / len(supervised), rel=0.2)


def test_published_numbers() -> None:
    by_name = {experiment.name: experiment for experiment in PAPER}
    base = by_name["paper-1.4b"]
    assert stage_texts(base, "pretrain").records == 558_128
    found = stage_texts(base, "finetune")
    assert (found.pictured, found.bare, found.records) == (624_610, 40_688, 665_298)
    assert stage_texts(by_name["paper-7b-1m"], "finetune").records == 1_000_000
    assert questions(base) == 0


def test_every_file_of_the_paper_is_published() -> None:
    named = {Path(name).name for e in PAPER for name in (*e.data.pretrain, *e.data.finetune)}
    assert named == set(PUBLISHED)
    assert set(PAPER_MIXTURES.values()) < named


def test_a_file_that_is_here_goes_before_its_published_numbers(files: Path) -> None:
    (files / "train.json").rename(files / "llava_v1_5_mix665k.json")
    base = subject(*words(files), f"data.finetune={files / 'llava_v1_5_mix665k.json'}").base
    assert stage_texts(base, "finetune").records == 4


def test_an_absent_file_that_nobody_published_is_refused() -> None:
    base = subject("data.finetune=mine.json", "data.images=.").base
    with pytest.raises(ConfigurationError, match=r"no data source 'mine.json'.*blip_laion_cc_sbu_558k.json"):
        stage_texts(base, "finetune")


# --- What a stage computes on -------------------------------------------------------------------------------------


def test_load_of_a_stage(files: Path) -> None:
    load = subject(*words(files, "finetune.epochs=2", "finetune.global_batch=3")).load(Setting.parse("8"), "finetune")
    assert (load.samples, load.updates) == (9, 3), "eight samples; the last batch is filled"
    assert load.image_tokens == 36
    assert load.pictured == 0.75
    assert load.length == 36 + 23
    assert load.bare_length == 256, "cut at language.max_length"
    assert load.longest == 36 + 28
    assert load.mean_length == 0.75 * 59 + 0.25 * 256


@pytest.mark.parametrize(
    ("more", "padded"),
    [
        pytest.param(["finetune.packed=true"], 1.09, id="packed"),
        pytest.param(["finetune.order=by_length"], 1.03, id="by length"),
        pytest.param([], None, id="as long as the longest"),
    ],
)
def test_padding(more: list[str], padded: float | None) -> None:
    load = subject(*more).load(Setting.parse("8"), "finetune")
    assert load.padded == (padded or load.longest / load.length)
    assert load.padded < 1.1


def test_the_heaviest_batch_of_batches_by_length_is_full() -> None:
    base = next(e for e in PAPER if e.name == "paper-1.4b")
    assert math.isinf(stage_texts(base, "finetune").longest)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_epochs_are_over_the_records_that_are_trained_on(share: float, tmp_path: Path) -> None:
    """As many as the data step leaves."""
    from shallowsight.data.prepare import prepare

    words = ("data.scenes_train=60", "data.scenes_test=16", "data.easy_vqa_train=20", "data.easy_vqa_test=8")
    epochs = ("finetune.updates=null", "finetune.epochs=3", "finetune.global_batch=4", "data.pretrain=[]")
    asked = subject(*words, *epochs, f"data.held_out={share}", "pretrain.updates=null", "pretrain.epochs=3")
    prepare(asked.base, tmp_path, tmp_path / "work", tmp_path / "work" / "validation", None, lambda *_: None)
    records = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))["train_rows"]
    assert records == 80 - round(80 * share)
    assert asked.load(Setting.parse("8"), "finetune").updates == math.ceil(3 * records / 4)
    assert asked.load(Setting.parse("8"), "pretrain").updates == math.ceil(3 * records / 64)
