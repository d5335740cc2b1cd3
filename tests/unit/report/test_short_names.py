"""Lines of a figure have names that can be told apart."""

import re
from pathlib import Path

import pytest
from study_builder import Builder

from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.learning import learning_svgs
from shallowsight.report.short_names import short_names
from shallowsight.report.values import Member
from shallowsight.study.experiments import STUDIES
from shallowsight.study.settings import Setting
from shallowsight.study.words import resolve_settings

MORE = (
    ("7,11:mean", [7, 11], "mean", None, 36),
    ("7,11:concat", [7, 11], "concat", None, 36),
    ("11+ldp", [11], "single", "ldp", 9),
)


def member(text: str) -> Member:
    setting = Setting.parse(text)
    connector = None if setting.connector is None else str(setting.connector)
    layers = setting.layers.indices
    return Member(setting=text, layers=layers, fusion=setting.fusion, connector=connector, roles=(), trials=())


def test_a_name_is_as_short_as_the_others_allow() -> None:
    texts = ("8", "11", "3,8:mean", "3,8:concat", "8,8:concat", "11+ldp", "3+ldpv2@9", "8+ldpv2@9", "3,8:mean+ldp")
    assert short_names([member(text) for text in texts]) == {
        "8": "8",
        "11": "11",
        "3,8:mean": "mean",
        "3,8:concat": "3,8:concat",
        "8,8:concat": "8,8:concat",
        "11+ldp": "ldp",
        "3+ldpv2@9": "3+ldpv2@9",
        "8+ldpv2@9": "8+ldpv2@9",
        "3,8:mean+ldp": "mean+ldp",
    }


@pytest.mark.parametrize("name", STUDIES)
def test_no_two_settings_of_a_study_have_one_name(name: str) -> None:
    found = resolve_settings(STUDIES[name].settings, 24, groups=())
    names = short_names([member(str(setting)) for setting in found])
    assert len(set(names.values())) == len(found)


def test_every_learning_curve_has_its_own_name(tmp_path: Path) -> None:
    curves = {"count": {7: 0.45, 11: 0.60}}
    folder = Builder(curves=curves, fusion_gain=0.0, seeds=(0,), n=20, more=MORE).write(tmp_path / "study")
    study = read_study(folder)
    ((_, drawn),) = learning_svgs(study, find(study))
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert sorted(text for text in texts if not text.endswith("%")) == sorted(
        ["7", "11", "2,7,11:concat", "7,11:concat", "mean", "ldp"]
    )
