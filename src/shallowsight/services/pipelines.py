"""The only door to Kubeflow Pipelines in the library: run a committed, compiled pipeline on this machine.

`python -m shallowsight.services.pipelines NAME ROOT ARGUMENTS` runs in a process of its own, because kfp prints
for debugging and a stop has to end its children too.
"""

import json
import os
import signal
import sys
import threading
from importlib import resources
from pathlib import Path

from shallowsight.errors import ConfigurationError, MissingPackage

NAMES = ("layer_study", "train_and_evaluate", "retrain")
PARALLEL = 2  # members at a time; kfp's local runner takes no more
# kfp's local runner rewrites these texts wherever they stand in an argument.
_REWRITTEN = ("python3", "{{$")


def compiled(name: str) -> str:
    """The text of a compiled pipeline, the same that a cluster gets."""
    return resources.files("shallowsight.services").joinpath("compiled", f"{name}.yaml").read_text(encoding="utf-8")


def require_unchanged(*texts: str) -> None:
    """Raises ConfigurationError for a text that kfp's local runner would change."""
    for text in texts:
        for rewritten in _REWRITTEN:
            if rewritten in text:
                raise ConfigurationError(
                    f"{text!r}: the local pipeline runner rewrites the text {rewritten!r}; rename the folder or value"
                )


def run_compiled(name: str, root: Path, arguments: dict[str, object]) -> None:
    """Run a compiled pipeline in this process; artifacts go below `root`.

    Raises:
        RuntimeError: a task failed (kfp's own).
    """
    try:
        from kfp import components, local
    except ImportError:
        raise MissingPackage("kfp", extra="pipelines") from None
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root), enable_caching=False)
    components.load_component_from_text(_tried_once(compiled(name)))(**arguments)


def _tried_once(text: str) -> str:
    """The same pipeline without retries: nothing evicts a box here, and what fails is for the user to see at once."""
    import yaml

    spec, *others = yaml.safe_load_all(text)
    for component in (spec["root"], *spec["components"].values()):
        for task in component.get("dag", {}).get("tasks", {}).values():
            task.pop("retryPolicy", None)
    return yaml.safe_dump_all([spec, *others])


def _end_with_the_caller() -> None:
    """Kill this process group once the standard input closes: whoever started us is gone, and another run may begin."""
    if os.getpgrp() != os.getpid():
        return  # started by hand, in a group that is not ours to kill

    def watch() -> None:
        os.read(0, 1)  # nothing is ever written: this returns at the end
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_the_caller()
    run_compiled(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
