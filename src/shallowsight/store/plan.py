"""The members of a study: which settings are trained, why, and the cells of each setting."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.store.cells import (
    Cell,
    analyze_cell,
    encode_cell,
    evaluate_cell,
    judge_cell,
    prepare_cell,
    probe_cell,
    screen_cell,
    stage_cell,
)
from shallowsight.store.digest import digest_of
from shallowsight.study.early_stop import may_end_early
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.layers import Group
from shallowsight.study.resolved import Resolved
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES
from shallowsight.study.words import resolve_settings


@dataclass(frozen=True)
class Plan:
    """The settings in the order of the study, each with its roles in it."""

    members: dict[Setting, tuple[str, ...]]

    def cells(self, resolved: Resolved) -> list[Cell]:
        """Every cell of the study, parents before children."""
        found = [prepare_cell(resolved), analyze_cell(resolved)]
        if resolved.cache_features:
            found += [encode_cell(resolved, layer) for layer in self.encoded(resolved)]
        if resolved.study.probes:
            found.append(probe_cell(resolved))
        for setting in self.members:
            # What halving trained before is not needed again, so that these are the cells of the newest rung alone.
            for seed in resolved.study.seeds_of(setting):
                found += [stage_cell(resolved, setting, seed, stage) for stage in STAGES]
                found.append(evaluate_cell(resolved, setting, seed))
                if resolved.base.judge.ask:
                    found.append(judge_cell(resolved, setting, seed))
        return found

    def in_order(self, resolved: Resolved) -> list[Setting]:
        """The settings as they are trained: the usual choice first, where others are compared with it meanwhile."""
        return sorted(self.members, key=lambda s: may_end_early(resolved.study, resolved.tower.depth, s))

    @property
    def layers(self) -> list[int]:
        return sorted({layer for setting in self.members for layer in setting.layers.read})

    def encoded(self, resolved: Resolved) -> list[int]:
        """The layers whose features are cached, where they are: those of the settings; all, where they are probed."""
        return list(range(1, resolved.tower.depth + 1)) if resolved.study.probes else self.layers

    def as_json(self, resolved: Resolved, operations: Mapping[str, float] | None = None) -> dict[str, Any]:
        """What plan.json holds; the report reads it.

        `operations` are those of a setting's model for one question, where they are counted.
        """
        counted = operations or {}
        return {
            "study": digest_of(resolved.model_dump(mode="json")),  # readers ignore the plan of a different study
            "members": [
                self._member(resolved, setting, roles) | {"operations": counted.get(str(setting))}
                for setting, roles in self.members.items()
            ],
            "analysis": analyze_cell(resolved).digest,
            "probes": probe_cell(resolved).digest if resolved.study.probes else None,
            "shared": {
                "prepare": prepare_cell(resolved).digest,
                "encode": {
                    str(k): encode_cell(resolved, k).digest for k in self.encoded(resolved) if resolved.cache_features
                },
            },
        }

    def _member(self, resolved: Resolved, setting: Setting, roles: tuple[str, ...]) -> dict[str, Any]:
        early = may_end_early(resolved.study, resolved.tower.depth, setting)
        return {
            "setting": str(setting),
            "layers": list(setting.layers.indices),
            "fusion": setting.fusion,
            "connector": str(setting.connector) if setting.connector else None,
            "image_tokens": image_tokens(resolved.base.at(setting, resolved.base.seed), resolved.tower),
            "roles": list(roles),
            "part": resolved.study.part_of(setting),
            "shorter": {str(part): _cells_of(resolved, setting, part) for part in _shorter(resolved, setting)},
            "experiments": [
                {
                    "seed": seed,
                    "cells": {
                        "pretrain": stage_cell(resolved, setting, seed, "pretrain").digest,
                        "finetune": stage_cell(resolved, setting, seed, "finetune").digest,
                        "evaluate": evaluate_cell(resolved, setting, seed).digest,
                    }
                    | ({"judge": judge_cell(resolved, setting, seed).digest} if resolved.base.judge.ask else {})
                    | ({"screen": screen_cell(resolved, setting, seed).digest} if early else {}),
                }
                for seed in resolved.study.seeds_of(setting)
            ],
        }


def _cells_of(resolved: Resolved, setting: Setting, part: int) -> dict[str, dict[str, str]]:
    """For each seed the digests of the cells of a shorter part of the training."""
    return {
        str(seed): {
            "finetune": stage_cell(resolved, setting, seed, "finetune", part).digest,
            "evaluate": evaluate_cell(resolved, setting, seed, part).digest,
        }
        for seed in resolved.study.seeds_of(setting)
    }


def _shorter(resolved: Resolved, setting: Setting) -> list[int]:
    """The rungs that the setting has gone through before."""
    return [part for part in resolved.study.halving.parts if part > resolved.study.part_of(setting)]


def make_plan(resolved: Resolved, analysis: Path) -> Plan:
    """`analysis` is the folder of the analysis cell.

    Raises:
        ConfigurationError: seeds were added to a setting that the study does not have, or it was promoted.
    """
    plan = Plan(resolve_settings(resolved.study.settings, resolved.tower.depth, read_groups(analysis)))
    have = list(map(str, plan.members))
    named: dict[str, Iterable[str]] = {
        "added": resolved.study.given,
        "halving.promoted": resolved.study.halving.reached,
    }
    for key, settings in named.items():
        if foreign := [setting for setting in settings if setting not in have]:
            raise ConfigurationError(
                f"{key}: the study has no setting {' nor '.join(foreign)}; its settings are {' '.join(have)}"
            )
    return plan


def read_groups(analysis: Path) -> tuple[Group, ...]:
    """The groups that an analysis found; none where it found that all layers are one."""
    raw = json.loads((analysis / "analysis.json").read_text(encoding="utf-8"))["groups"]
    return tuple(Group(g["name"], tuple(g["layers"]), g["representative"]) for g in raw) if len(raw) > 1 else ()
