"""The step of one training stage: every seed of a setting, on this machine or by TrainJobs of a cluster."""

from pathlib import Path

from shallowsight.cluster.training import Launch, train_on_cluster, uses_trainjobs
from shallowsight.steps.train_cell import train_cell
from shallowsight.store.stage_task import StageTask
from shallowsight.store.store import Store
from shallowsight.study.resolved import Resolved
from shallowsight.study.stages import StageName


def train_stage(resolved: Resolved, setting: str, stage: StageName, store: Store, launch: Launch) -> list[Path]:
    """Train one stage of one setting for every seed of it; unfinished trainings go on from their last state.

    The training runs on this machine or, when this is a pod of a cluster, in one TrainJob for each seed.
    """
    parsed = resolved.setting(setting)
    seeds = resolved.study.seeds_of(parsed)
    tasks = [StageTask(resolved=resolved, setting=str(parsed), seed=seed, stage=stage) for seed in seeds]
    if uses_trainjobs():
        return [train_on_cluster(task, store, launch) for task in tasks]
    return [train_cell(task, store, max(1, launch.gpus)) for task in tasks]
