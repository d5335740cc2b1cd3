"""What a training does not load."""

import subprocess
import sys

import pytest

CODE = """
import sys
from shallowsight.train.engine import _deepspeed
_deepspeed()
import deepspeed.runtime.zero.muon.muon_optimizer
print("torch._inductor.compile_fx" in sys.modules)
"""


@pytest.mark.slow
def test_the_optimizer_that_is_not_ours_brings_no_compiler() -> None:
    """DeepSpeed imports it at the first update; its functions are marked for torch's compiler."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.stdout.endswith("False\n"), done.stdout + done.stderr
