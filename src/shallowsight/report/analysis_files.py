"""Write the files of an analysis without a study, either all or none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shallowsight.errors import MissingPackage
from shallowsight.store.disk import naming
from shallowsight.store.foreign_files import refuse_foreign
from shallowsight.store.whole_folder import whole_folder

PAGE = "analysis.html"
FILES = (PAGE, "analysis.json", "similarity.png", "profiles.png")


def require_place(out: Path) -> None:
    """Raises ConfigurationError where no analysis can be written."""
    refuse_foreign(out, "analysis", FILES.__contains__)


def write_analysis(found: Mapping[str, Any], out: Path) -> Path:
    """Write the four files into the folder `out`; return the path of the page.

    Raises:
        ConfigurationError: `out` holds other files.
        MissingPackage: the extra `report` is not installed.
        ShallowsightError: the files cannot be written, for instance because the disk is full.
    """
    out = out.absolute()
    require_place(out)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        contents = _contents(json.loads(text))
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "matplotlib", "report") from error
    with naming(out), whole_folder(out) as new:
        for name, content in {**contents, "analysis.json": (text + "\n").encode()}.items():
            (new / name).write_bytes(content)
    return out / PAGE


def _contents(found: Mapping[str, Any]) -> dict[str, bytes]:
    from shallowsight.report import analysis_figures, analysis_page
    from shallowsight.report.label_probes import column_profiles
    from shallowsight.report.read_analysis import read_analysis

    analysis = read_analysis(found)
    return {
        PAGE: analysis_page.render(found, analysis).encode(),
        "similarity.png": analysis_figures.maps_png(analysis, analysis_figures.maps_of(found)),
        "profiles.png": analysis_figures.profiles_png(
            analysis, [*analysis_figures.profiles_of(found), *column_profiles(found)]
        ),
    }
