"""Which setting of a study can be given to others as a stock model of transformers, and how they read it."""

import shlex
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from shallowsight.evaluate.statistics.family import OVERALL
from shallowsight.export.expressible import snippet, stock_values, why_not
from shallowsight.report.choice import Choice
from shallowsight.report.values import Member, Study
from shallowsight.study.experiment import SCRATCH, Experiment
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting

OLD = "study.json is not of this version, so it is not known what can be exported"
NO_RESULTS = "no setting has results yet"
_QUESTION = "How many apples are there?"


def exported(study: Study, choices: Sequence[Choice]) -> dict[str, Any]:
    """The setting with the highest accuracy over all categories of those that a stock model can express.

    `setting` is None where no setting can be expressed; `why_not` then has the reasons.
    """
    accuracy = {
        setting: score.accuracy
        for choice in choices
        if choice.category.name == OVERALL or len(choices) == 1
        for setting, score in choice.category.scores.items()
    }
    try:
        base = Experiment.model_validate(study.raw.get("base"))
        tower = TowerFacts.model_validate(study.facts)
        reasons = {member.setting: why_not(_at(base, member), tower) for member in study.members}
    except (ValidationError, ValueError):
        return _none([OLD])
    scored = [member for member in study.members if member.setting in accuracy]
    able = [member for member in scored if not reasons[member.setting]]
    if not able:
        found = [reason for member in scored for reason in reasons[member.setting]]
        return _none(list(dict.fromkeys(found)) or [NO_RESULTS])
    best = max(able, key=lambda member: accuracy[member.setting])
    return {
        "setting": best.setting,
        "accuracy": accuracy[best.setting],
        **stock_values(_at(base, best), tower),
        # Quoted, because a shell would take the | of groups for a pipe.
        "command": f"shallowsight export STUDY_FOLDER DIR --setting {shlex.quote(best.setting)}",
        "snippet": snippet("DIR", _QUESTION),
        "unless": "" if base.language.model == SCRATCH else "the export also checks the family of language.model",
        "why_not": [],
    }


def _at(base: Experiment, member: Member) -> Experiment:
    return base.at(Setting.parse(member.setting), base.seed)


def _none(reasons: list[str]) -> dict[str, Any]:
    return {"setting": None, "why_not": reasons}
