"""The states of a trunk: where a part of a training leaves its state for longer parts, and finds that of a shorter one.

Each part has a prefix of its own, `<trunk_key>-<part>`. A part goes on from a shorter one's state only if the numbers
divide: the shorter one has then measured the model wherever the longer one would have.
"""

from shallowsight.store.objects.opening import open_objects
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import Processes
from shallowsight.train.state import Saved, SavedStates


def own_trunk(task: ProcessTask, processes: Processes) -> SavedStates | None:
    """Where this training leaves the end of its trunk; None: nothing goes on from it."""
    if task.states is None or task.trunk_key is None or task.settings.part == 1:
        return None
    return _states(task, task.settings.part, processes)


def newest_trunk(task: ProcessTask, processes: Processes) -> Saved | None:
    """The end of the longest trunk that this training begins with; all processes must call this together.

    Raises:
        StoreUnavailable: there may be a state, but the store does not answer.
    """
    if task.states is None or task.trunk_key is None:
        return None
    found = _shorter_parts(task, task.states, task.trunk_key) if processes.leads else []
    for part in processes.from_leader(found):
        if (saved := _states(task, part, processes).newest()) is not None:
            return saved
    return None


def _shorter_parts(task: ProcessTask, states: str, key: str) -> list[int]:
    """Longest first."""
    begin = f"{key}-"
    keys = open_objects(states, task.patience).keys(begin)
    parts = {int(number) for each in keys if (number := each.removeprefix(begin).partition("/")[0]).isdecimal()}
    return sorted(part for part in parts if part > task.settings.part and part % task.settings.part == 0)


def _states(task: ProcessTask, part: int, processes: Processes) -> SavedStates:
    assert task.states is not None and task.trunk_key is not None
    objects = open_objects(task.states, task.patience)
    return SavedStates(objects, f"{task.trunk_key}-{part}", processes, task.work / f"trunk-{part}")
