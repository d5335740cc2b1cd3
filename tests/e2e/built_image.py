"""The CPU image that was built last, run as a pod runs it: no network, no rights, nothing of this machine."""

import os
import subprocess
from pathlib import Path

import pytest

from components.images import CPU_IMAGE

ENGINE = os.environ.get("SHALLOWSIGHT_IMAGE_ENGINE", "")  # docker or podman; set by `make test-images`
needs_image = pytest.mark.skipif(not ENGINE, reason="no image to test: make images-local test-images")
# As the pods of a training have it; those of KFP are freer.
_POD = ["--network=none", "--cap-drop=all", "--security-opt=no-new-privileges", "--read-only", "--tmpfs=/tmp"]
_POD += ["--volume=/cache", "--tmpfs=/scratch:mode=1777", "--env=HOME=/scratch"]


def run(*command: str, study: Path | None = None) -> str:
    """What the command prints; `study` is there as /study."""
    mount = [f"--volume={study}:/study"] if study else []
    words = [ENGINE, "run", "--rm", *_POD, *mount, CPU_IMAGE, *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def inspect(template: str) -> str:
    words = [ENGINE, "image", "inspect", "--format", template, CPU_IMAGE]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
