"""What the layers of a tower see in one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.steps.lab_tower import LabTower
from shallowsight.steps.machine import use_all_cores
from shallowsight.store.disk import naming, require_writable, write_whole
from shallowsight.study.layers import Layers


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is asked for. `layers` as a study takes them, None for five over the depth; `point` in pixels, or None."""

    tower: LabTower
    image: Path
    out: Path
    layers: str | None = None
    point: tuple[int, int] | None = None


def explain_picture(asked: Explanation) -> Path:
    """Write the picture `out`, a PNG; returns its path.

    Raises:
        ConfigurationError: there is no such tower, picture, layer or point, or `out` is no name of a PNG.
        MissingPackage: the extra `report` is not installed.
        ShallowsightError: the hidden states are not finite, or the disk is full.
    """
    from shallowsight.data.pictures.folder import read_picture

    out = asked.out.absolute()
    if out.suffix.lower() != ".png" or out.is_dir():
        raise ConfigurationError(f"--out {asked.out}: name a file that ends in .png")
    require_writable(out.parent)
    facts = asked.tower.facts()
    layers = _layers(asked.layers, facts.depth)
    picture = read_picture(asked.image)
    if asked.point is not None:
        _require_inside(asked.point, picture.size)

    from shallowsight.analysis.explain import views

    use_all_cores()
    encoder = asked.tower.encoder(facts, max(layers))
    side = asked.tower.image_size_of(facts) // facts.patch
    patch = None
    if asked.point is not None:
        x, y = (own * side // whole for own, whole in zip(asked.point, picture.size, strict=True))
        patch = (y, x)
    found = views(encoder, encoder.pixels([picture]), layers, patch)
    try:
        from shallowsight.report.explain_figure import Panel, explain_png

        content = explain_png(picture, [Panel(**vars(view)) for view in found], asked.point)
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "matplotlib", "report") from error
    with naming(out):
        write_whole(out, content)
    return out


def _layers(text: str | None, depth: int) -> Sequence[int]:
    if text is None:
        return sorted({1, *(max(1, depth * quarter // 4) for quarter in (1, 2, 3, 4))})
    try:
        return Layers.parse(text, depth).read
    except ValueError as error:
        raise ConfigurationError(f"--layers {text!r}: {error}") from None


def _require_inside(point: tuple[int, int], size: tuple[int, int]) -> None:
    if not all(0 <= own < whole for own, whole in zip(point, size, strict=True)):
        raise ConfigurationError(
            f"--point {point[0]},{point[1]} is outside the picture, which has {size[0]} x {size[1]} pixels; "
            "X counts from the left and Y from the top, both from 0"
        )
