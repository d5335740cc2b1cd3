"""What each field of an experiment makes stale."""

from typing import Any

import pytest
from study_digests import ALL, NONE, TRAINED, digests, resolved, stale

from shallowsight.store.cells import evaluate_cell, judge_cell, scores_cell
from shallowsight.study.experiment import Experiment
from shallowsight.study.overrides import _leaf_keys
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study

# Key -> (another value, the steps that it makes stale).
FIELDS: dict[str, tuple[object, set[str]]] = {
    "name": ("other", NONE),
    "vision.tower": ("/another/folder", NONE),  # the tower's digest counts, not where it lies
    "vision.revision": ("abc", NONE),  # as above
    "vision.layers": ("9", NONE),  # the members of a study have their own
    "vision.features": ("cls_patch", ALL - {"prepare", "analyze"}),
    "vision.image_size": (196, ALL - {"prepare"}),
    "vision.prefix_tokens": (1, ALL - {"prepare"}),
    "vision.patch": (14, ALL - {"prepare"}),
    "vision.normalize": (False, ALL - {"prepare", "analyze"}),
    "vision.pool": (1, ALL - {"prepare", "analyze"}),
    "fusion.kind": ("concat", NONE),  # as the layers
    "connector.kind": ("linear", TRAINED),
    "connector.tokens": (36, TRAINED),
    "language.model": ("some/model", NONE),  # its digest counts, not where it lies
    "language.revision": ("abc", NONE),  # as above
    "language.width": (64, TRAINED),
    "language.depth": (3, TRAINED),
    "language.heads": (2, TRAINED),
    "language.vocabulary": (500, ALL),
    "language.max_length": (200, TRAINED),
    "data.pretrain": (["scenes"], ALL),
    "data.finetune": (["scenes"], ALL),
    "data.test": (["scenes"], ALL),
    "data.images": ("/another/folder", NONE),
    "data.pretrain_images": ("/another/folder", NONE),  # the sources' digests are over the pictures
    "data.scenes_train": (161, NONE),  # the sources' digests count; as the next three
    "data.scenes_test": (41, NONE),
    "data.easy_vqa_train": (21, NONE),
    "data.easy_vqa_test": (11, NONE),
    "data.held_out": (0.1, ALL),
    "data.turns": ("alone", ALL),
    "data.max_bad_share": (0.5, ALL),
    "data.max_leaked_images": (1, ALL),
    "data.decode": ("header", ALL),
    "data.refuse_conversions": (["roles"], ALL),
    "data.benchmarks": ("/another/mirror", NONE),  # its sets' digests count
    "data.benchmark_rows": (5, NONE),  # as long as no public benchmark is asked
    "data.expectations": ("/another/file.yaml", NONE),  # its content counts, in the sources' digests
    "benchmarks": (["scenes_ocr"], {"probe", "evaluate"}),
    "judge.url": ("http://127.0.0.1", NONE),  # as long as no judge is asked, none of its keys counts
    "judge.model": ("other", NONE),
    "judge.thinking": ("not_said", NONE),
    "judge.price_input": (1.0, NONE),
    "judge.price_output": (1.0, NONE),
    "judge.most_cost": (2.0, NONE),
    "judge.requests_per_minute": (6, NONE),
    "seed": (5, NONE),  # as the layers
}
STAGE_FIELDS: dict[str, object] = {
    "optimizer": "muon",
    "learning_rate": 5e-4,
    "global_batch": 8,
    "updates": 7,
    "epochs": 2,
    "schedule": "constant_then_decay",
    "warmup": 0.5,
    "decay": 0.2,
    "weight_decay": 0.3,
    "clip": 2.0,
    "template": "v1",
    "picture": "crop",
    "order": "by_length",
    "packed": True,
    "zero": 3,
    "precision": "bfloat16",
    "checkpointing": True,
    "connector_learning_rate": 2e-4,
    "lora.alpha": 5.0,
    "lora.dropout": 0.5,
}
FIELDS |= {f"pretrain.{key}": (value, TRAINED) for key, value in STAGE_FIELDS.items()}
FIELDS |= {f"finetune.{key}": (value, TRAINED - {"pretrain"}) for key, value in STAGE_FIELDS.items()}
FIELDS["finetune.lora.rank"] = (8, TRAINED - {"pretrain"})
FIELDS["finetune.part"] = (2, TRAINED - {"pretrain"})
# What the tower sees is what finetuning and evaluation show it; a cache is made so too, and then pretraining reads it.
FIELDS["finetune.picture"] = ("crop", {"analyze", "encode", "probe", "finetune", "evaluate"})
ALSO_WHEN_CACHED = {"finetune.picture": {"pretrain"}}
# By themselves: a judge needs prices, and only a finetuning may be a part.
REFUSED = {"pretrain.lora.rank", "judge.ask", "pretrain.part"}
ADAMW = ("pretrain.optimizer=adamw", "finetune.optimizer=adamw")
WHOLE = ("pretrain.zero=0", "finetune.zero=0")  # as muon needs it
CONSTANT = ("finetune.schedule=constant_then_decay",)  # as a part needs it
DIVIDED = ("pretrain.zero=2", "finetune.zero=2")  # as bfloat16 needs it


def test_every_field_is_spoken_of() -> None:
    assert set(FIELDS) | REFUSED == set(_leaf_keys(Experiment)) and not set(FIELDS) & REFUSED


@pytest.mark.parametrize("cache", [True, False], ids=["cached", "live"])
@pytest.mark.parametrize("key", FIELDS)
def test_a_field_makes_stale_what_it_can_change(key: str, cache: bool) -> None:
    value, expected = FIELDS[key]
    *parts, last = key.split(".")
    if cache:
        expected = expected | ALSO_WHEN_CACHED.get(key, NONE)
    base = resolved(
        *ADAMW, *(WHOLE if last == "optimizer" else DIVIDED), *(CONSTANT if last == "part" else ()), cache=cache
    )
    raw = base.model_dump(mode="json")
    place = raw["study"]["base"]
    for part in parts:
        place = place[part]
    assert place[last] != value
    place[last] = value
    if last == "epochs":
        place["updates"] = None
    changed = base.model_copy(update={"study": _study(raw["study"])})
    assert changed != base
    assert stale(digests(base), digests(changed)) == expected


def _study(raw: dict[str, Any]) -> Study:
    if raw["base"]["fusion"]["kind"] == "concat":
        raw["base"]["vision"]["layers"] = "3,8"
    return Study.model_validate(raw)


JUDGED = ("judge.ask=true", "judge.price_input=1", "judge.price_output=2")


def judged(*words: str) -> str:
    found = resolved(*JUDGED, *words)
    return judge_cell(found, Setting.parse("6"), 0).digest


def test_asking_a_judge_evaluates_nothing_anew() -> None:
    without, asked = resolved(), resolved(*JUDGED)
    assert stale(digests(without), digests(asked)) == NONE
    setting = Setting.parse("6")
    assert scores_cell(without, setting, 0) == evaluate_cell(without, setting, 0)
    assert scores_cell(asked, setting, 0) == judge_cell(asked, setting, 0)
    assert judge_cell(asked, setting, 0).parents == (evaluate_cell(asked, setting, 0).digest,)


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        ("judge.url=http://127.0.0.1:8000/v1", False),
        ("judge.requests_per_minute=6", False),
        ("judge.model=other", True),
        ("judge.thinking=not_said", True),
        ("judge.price_input=3", True),  # the cap is reached earlier
        ("judge.price_output=3", True),
        ("judge.most_cost=3", True),
    ],
)
def test_what_of_a_judge_counts(word: str, counts: bool) -> None:
    assert (judged(word) != judged()) == counts
