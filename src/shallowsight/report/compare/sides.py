"""Read a study as one side of a comparison."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shallowsight.report.choice import choose
from shallowsight.report.compare.values import Side
from shallowsight.report.findings import find
from shallowsight.report.inputs import read_study
from shallowsight.report.values import Study


def read_side(folder: Path, place: str) -> Side:
    """Read the study in `folder`, which the user knows as `place`.

    Raises:
        ConfigurationError: `folder` is not a study folder.
    """
    study = read_study(folder)
    findings = find(study)
    return Side(
        place=place,
        document=json.loads((folder / "study.json").read_text(encoding="utf-8")),
        packages=_packages(folder, study),
        study=study,
        findings=findings,
        choices=choose(study, findings),
    )


def _packages(folder: Path, study: Study) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for cell in study.cells:
        raw: Mapping[str, Any] = json.loads((folder / "cells" / cell.digest / "cell.json").read_text(encoding="utf-8"))
        for name, version in (raw.get("packages") or {}).items():
            found.setdefault(str(name), set()).add(str(version))
    return {name: " and ".join(sorted(versions)) for name, versions in sorted(found.items())}
