"""Pin the bases of the images: `make pin-images` writes the digests that the registries give their tags today.

Needs skopeo, or docker with buildx, and the network. Review and commit what it changes.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DOCKERFILES = sorted(Path(__file__).parent.glob("*/Dockerfile"))
_BASE = re.compile(r"^(ARG BASE_\w+=)([^\s@]+)(@sha256:[0-9a-f]{64})?$", re.MULTILINE)
# Each prints the manifest as the registry keeps it: of all platforms, where the tag stands for several.
_TOOLS = {
    "skopeo": ("skopeo", "inspect", "--raw", "docker://{}"),
    "docker": ("docker", "buildx", "imagetools", "inspect", "--raw", "{}"),
}


def pin(dockerfiles: Sequence[Path]) -> None:
    """Write a digest behind every base's tag, or change nothing.

    Raises:
        RuntimeError: no tool to ask with, or the registry has no answer.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in dockerfiles}
    bases = sorted({found[2] for text in texts.values() for found in _BASE.finditer(text)})
    digests = {base: digest_of(base) for base in bases}
    for path, text in texts.items():
        path.write_text(_BASE.sub(lambda found: f"{found[1]}{found[2]}@{digests[found[2]]}", text), encoding="utf-8")
    for base, digest in digests.items():
        print(f"{base}@{digest}")


def digest_of(base: str) -> str:
    """What the registry says today that a tag stands for."""
    tool = next((tool for tool in _TOOLS if shutil.which(tool)), None)
    if tool is None:
        raise RuntimeError("skopeo or docker is needed to ask a registry, and neither is here")
    done = subprocess.run([word.format(base) for word in _TOOLS[tool]], capture_output=True, timeout=120)
    if done.returncode or not done.stdout:
        raise RuntimeError(f"{base}: {tool} got no manifest: {done.stderr.decode(errors='replace').strip()}")
    return f"sha256:{hashlib.sha256(done.stdout).hexdigest()}"


if __name__ == "__main__":
    try:
        pin(DOCKERFILES)
    except RuntimeError as error:
        sys.exit(str(error))
