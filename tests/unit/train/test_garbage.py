"""What starts a process of a study spares it Python's many looks for garbage, before torch is imported."""

import subprocess
import sys

import pytest

CODE = """
import gc, runpy, sys

class AtTorch:
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print(gc.get_threshold()[0], gc.isenabled())
            sys.exit()

sys.meta_path.insert(0, AtTorch())
{start}
import torch
"""
STARTS = {
    "a box": "import shallowsight.steps",
    "a process of a training": "runpy.run_module('shallowsight.train', run_name='__main__')",
}


@pytest.mark.parametrize("start", STARTS)
def test_garbage_is_looked_for_less_often(start: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(start=STARTS[start])], capture_output=True, text=True)
    assert done.stdout.split() == ["10000", "True"], done.stderr


def test_a_program_that_uses_the_library_keeps_its_own_number() -> None:
    code = "import shallowsight.train, gc; print(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() != ["10000"], done.stderr
