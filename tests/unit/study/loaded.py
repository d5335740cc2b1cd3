"""Experiments and studies as words and files make them, without weights."""

from shallowsight.study.experiment import Experiment
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.overrides import load_experiment, load_study
from shallowsight.study.study import Study

ALL_EXPERIMENTS, ALL_STUDIES = ", ".join(EXPERIMENTS), ", ".join(STUDIES)


def depth_of(tower: str) -> int:
    assert isinstance(tower, str)
    return 24 if "large" in tower else 12


def experiment(*words: str, name: str = "quick") -> Experiment:
    return load_experiment(name, words, depth_of)


def study(*words: str, name: str = "quick") -> Study:
    return load_study(name, words, depth_of)
