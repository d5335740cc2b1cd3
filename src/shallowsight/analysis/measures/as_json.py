"""What a measure found, as analysis.json holds it."""

from typing import Any

import numpy as np

from shallowsight.analysis.hsic import Matrix
from shallowsight.analysis.measures.measure import Found


def as_json(found: Found) -> dict[str, Any]:
    """Either `matrix`, or `profiles`, or `absent` with the reason; numbers are rounded to six digits."""
    said: dict[str, Any] = {"pictures": found.pictures}
    if found.absent is not None:
        return {**said, "absent": found.absent}
    if found.matrix is not None:
        said["matrix"] = rounded(found.matrix)
    if found.profiles:
        said["profiles"] = {name: [float(f"{value:.6g}") for value in each] for name, each in found.profiles.items()}
    return {**said, "note": found.note} if found.note else said


def rounded(matrix: Matrix) -> list[list[float]]:
    """To six digits after the point."""
    found: list[list[float]] = np.round(matrix, 6).tolist()
    return found
