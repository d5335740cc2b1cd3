"""What a page or another program may send as a pipeline's parameters: read or refused by the first box."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components import data
from shallowsight.errors import ConfigurationError
from shallowsight.study.parameters import gpus_of, require_step_gpus, words_of


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], []),
        (None, []),
        ("", []),
        (["", " "], []),
        (["seeds=0 1", "finetune.updates=5"], ["seeds=0 1", "finetune.updates=5"]),
        ("finetune.updates=5", ["finetune.updates=5"]),
        ("settings=3 4", ["settings=3 4"]),
        ('["finetune.updates=5"]', ["finetune.updates=5"]),
        ("[]", []),
    ],
    ids=repr,
)
def test_words(value: object, words: list[str]) -> None:
    assert words_of("overrides", value) == words


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([5], "5"),
        ([5.0], "5"),
        (["a=1", None], "None"),
        ([{"finetune.updates": 5}], "{'finetune.updates': 5}"),
        ({"finetune.updates": 5}, "{'finetune.updates': 5}"),
        (5.0, "5"),
        ("[5]", "5"),
        ([["a=1"]], r"\['a=1'\]"),
    ],
    ids=repr,
)
def test_what_is_no_word(value: object, found: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^overrides: {found} is not text; write a list of texts, for inst"):
        words_of("overrides", value)


def test_what_is_no_word_is_not_shown_at_length() -> None:
    with pytest.raises(ConfigurationError) as refused:
        words_of("overrides", [list(range(10**4))])
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("value", [[8, "3,8:concat"], [8.0, "3,8:concat"], '[8, "3,8:concat"]'], ids=repr)
def test_a_layer_may_be_a_number(value: object) -> None:
    assert words_of("settings", value) == ["8", "3,8:concat"]


def test_a_list_without_an_end_is_a_word() -> None:
    assert words_of("settings", "[" * 100_000) == ["[" * 100_000]


@pytest.mark.parametrize("value", [[8.5], [True], [None], "[NaN]", "[Infinity]"], ids=repr)
def test_what_is_no_setting(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r'^settings: .* is not text; .* \["8", "3,8,12:concat"\]$'):
        words_of("settings", value)


@pytest.mark.parametrize(
    ("value", "gpus"),
    [("0", 0), ("2", 2), ("2.0", 2), (" 2 ", 2), ("", 0), (" ", 0), (None, 0), (2, 2), (2.0, 2), ("1e1", 10)],
    ids=repr,
)
def test_gpus(value: object, gpus: int) -> None:
    assert gpus_of(value) == gpus


@pytest.mark.parametrize(
    "value", ["two", "2.5", "-1", "nan", "inf", "1e999", "1e99", "2,0", "[2]", [2], True, 2.5], ids=repr
)
def test_what_is_no_number_of_gpus(value: object) -> None:
    with pytest.raises(ConfigurationError) as refused:
        gpus_of(value)
    assert str(refused.value) == f"gpus={value!r}: write a whole number from 0 in digits, for instance 2"


@pytest.mark.parametrize("value", ["", "2.0", "-1", " 2", "two", None, 2, "\u0662"], ids=repr)
def test_step_gpus_stand_in_a_pod_as_they_are_written(value: object) -> None:
    require_step_gpus("0")
    require_step_gpus("16")
    with pytest.raises(ConfigurationError, match=r"^step_gpus=.*: write a whole number from 0 in digits"):
        require_step_gpus(value)


def first_box(tmp_path: Path, box: str, **parameters: Any) -> None:
    """What the first box of a pipeline does with its parameters."""
    resolved = SimpleNamespace(path=str(tmp_path / "resolved.json"))
    given = {"overrides": [], "store": (tmp_path / "store").as_uri(), "run": "r", "gpus": "0", "step_gpus": "0"}
    getattr(data, box).python_func(**given | parameters, resolved=resolved)


BOXES = {
    "resolve_study": {"study": "quick"},
    "resolve_experiment": {"experiment": "quick"},
    "resolve_retraining": {"study": "quick", "settings": []},
}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"overrides": "finetune.updates=5", "gpus": ""},
        {"overrides": None, "gpus": "2.0", "step_gpus": "1"},
        {"overrides": ["", "finetune.updates=5.0", "finetune.learning_rate=1e-3"]},
    ],
    ids=repr,
)
def test_the_first_box_reads_them(tmp_path: Path, box: str, parameters: dict[str, Any]) -> None:
    first_box(tmp_path, box, **BOXES[box] | parameters)
    assert (tmp_path / "resolved.json").exists() and (tmp_path / "store" / "study.json").exists()


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"overrides": [5]}, "^overrides: 5 is not text"),
        ({"gpus": "2.5"}, "^gpus='2.5': write a whole number"),
        ({"gpus": "3"}, "pretrain.global_batch=16 does not divide among 3 processes"),
        ({"step_gpus": ""}, "^step_gpus='': write a whole number"),
        ({"study": "", "experiment": ""}, "^no (study|experiment) ''; choose from demo, quick"),
        ({"store": ""}, "^store ''"),
    ],
    ids=repr,
)
def test_the_first_box_refuses_them(tmp_path: Path, box: str, parameters: dict[str, Any], says: str) -> None:
    known = {
        key: value for key, value in parameters.items() if key in {*BOXES[box], "overrides", "store"} or "gpus" in key
    }
    with pytest.raises(ConfigurationError, match=says) as refused:
        first_box(tmp_path, box, **BOXES[box] | known)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "resolved.json").exists() and not (tmp_path / "store").exists()


def test_settings_of_a_retraining(tmp_path: Path) -> None:
    first_box(tmp_path, "resolve_retraining", study="quick", settings=[8.0])
    assert '"settings": [\n   "8"\n  ]' in (tmp_path / "resolved.json").read_text()
    with pytest.raises(ConfigurationError, match=r"^settings: None is not text"):
        first_box(tmp_path, "resolve_retraining", study="quick", settings=[None])
