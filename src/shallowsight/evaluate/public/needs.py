"""What the evaluation of a public benchmark needs on this machine beside lmms-eval."""

import os
from importlib.util import find_spec
from shutil import which

from shallowsight.data.public.mirror import NotRunnable
from shallowsight.errors import MissingPackage
from shallowsight.study.public_benchmarks import PublicBenchmark

_CAPTIONS = ("pycocoevalcap", "pycocotools")


def require_here(benchmark: PublicBenchmark) -> None:
    """Check that answers can be scored, and a submission written, on this machine.

    Raises:
        NotRunnable: a package or Java is missing; the message has the command that brings it.
    """
    if benchmark.submission is not None and benchmark.submission.ending == "xlsx" and not find_spec("openpyxl"):
        raise NotRunnable(str(MissingPackage("openpyxl", extra="evaluate")))
    if benchmark.scores_captions:
        _require_captions()


def _require_captions() -> None:
    for package in _CAPTIONS:
        if not find_spec(package):
            raise NotRunnable(str(MissingPackage(package, extra="captions")))
    if which("java") is None:
        raise NotRunnable("captions are scored with Java, and there is no `java`; apt-get install default-jre-headless")
    spec = find_spec(_CAPTIONS[0])
    for folder in spec.submodule_search_locations or () if spec else ():
        if not os.access(folder, os.W_OK):
            raise NotRunnable(f"pycocoevalcap writes into its own folder {folder}, which cannot be written here")
