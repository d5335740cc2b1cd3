"""Which images may run: pinned ones, and third parties' by digest."""

import re
from collections.abc import Iterator

from overlays import Pod

# Not pushed anywhere yet, so nobody knows their digests: a tag, which names a release.
_OWN = re.compile(r"ghcr\.io/shallowsight/shallowsight-[a-z-]+:\d+\.\d+\.\d+")
_DIGEST = re.compile(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9./_-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}")


def complaints(pods: list[Pod]) -> list[str]:
    return list(_complaints(pods))


def _complaints(pods: list[Pod]) -> Iterator[str]:
    for pod in pods:
        for container in pod.containers:
            image = container["image"]
            if not _OWN.fullmatch(image) and not _DIGEST.fullmatch(image):
                yield f"{pod.name}: {image} is not pinned"
            if ":latest" in image:
                yield f"{pod.name}: {image} may be another one tomorrow"
