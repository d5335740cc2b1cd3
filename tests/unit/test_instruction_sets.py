"""Some numeric tests as other processors would run them: what is compared bit for bit must be equal there too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = (
    "unit/model/test_encode.py",
    "unit/data/test_features.py",
    "unit/train/test_computations.py",
    "unit/train/test_stage.py::test_micro_batches_add_up",
    "unit/train/test_ways.py::test_the_same_training",
    "unit/train/test_ways.py::test_a_resumed_stage_ends_in_the_same_bytes",
)
LONG = 600.0  # seconds; only what hangs takes as long, however busy the machine


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}, id="an old one"),
        pytest.param(
            {
                "ATEN_CPU_CAPABILITY": "avx2",
                "ONEDNN_MAX_CPU_ISA": "AVX2",
                "MKL_CBWR": "AVX2",
                "OMP_NUM_THREADS": "3",
            },
            id="one with AVX2 and three cores",
        ),
    ],
)
def test_numbers_are_within_tolerance_on_other_instruction_sets(variables: dict[str, str], tmp_path: Path) -> None:
    tests = [str(Path(__file__).parents[1] / name) for name in TESTS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'tests'}", *tests],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stdout[-5000:]
