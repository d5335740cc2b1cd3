"""What starts a process of a study spares it Python's many looks for garbage, before torch is imported."""

import subprocess
import sys

import pytest

CODE = """
import gc, sys
import shallowsight.{package}
print(gc.get_threshold()[0], "torch" in sys.modules, gc.isenabled())
"""


@pytest.mark.parametrize("package", ["steps", "train"])
def test_garbage_is_looked_for_less_often(package: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(package=package)], capture_output=True, text=True)
    assert done.stdout.split() == ["10000", "False", "True"], done.stderr
