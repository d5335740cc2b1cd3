"""`shallowsight analyze` and `explain`: look at a tower's layers without a study."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shallowsight.cli.quiet import without_loading_bars
from shallowsight.errors import ConfigurationError
from shallowsight.observe.progress import Counted

if TYPE_CHECKING:  # not imported at run time, because `--help` must be quick
    from rich.console import Console

app = typer.Typer()

TowerName = Annotated[
    str,
    typer.Argument(metavar="TOWER", help="embedded:dinov2-small, a hub id, a folder, or s3://bucket/folder."),
]
Prefix = Annotated[
    int | None,
    typer.Option(
        min=0, help="vision.prefix_tokens of a study: tokens before the patches, of a family that is not known."
    ),
]
Patch = Annotated[
    int | None, typer.Option(min=1, help="vision.patch of a study: where the tower's files do not say it.")
]


@app.command()
def analyze(
    tower: TowerName,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="A folder with pictures, also in subfolders.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page, the numbers and the pictures; runs/analysis-TOWER.")
    ] = None,
    groups: Annotated[
        int | None, typer.Option(help="So many groups, 2 to 5; as many as a test finds when left out.")
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels of a side, a multiple of the tower's patch; near 224 when left out."),
    ] = None,
    measures: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="The measures; all names all of them.")
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=1, help="The most pictures that are read, spread over the folder.")
    ] = 1000,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="What is known of the pictures: a column `image`, and one for each label that probes shall read from "
            "every layer.",
        ),
    ] = None,
    prefix_tokens: Prefix = None,
    patch: Patch = None,
) -> None:
    """Compare the layers of a tower over a folder of pictures: similarity, groups, rank, norms, attention."""
    from rich.console import Console

    from shallowsight.steps.analyze_folder import FolderAnalysis, analyze_folder
    from shallowsight.steps.lab_tower import LabTower

    without_loading_bars()
    console = Console(soft_wrap=True)
    asked = FolderAnalysis(
        tower=LabTower(tower, image_size, 224, prefix_tokens, patch),
        images=images,
        out=Path("runs") / f"analysis-{_leaf(tower)}" if out is None else out,
        pictures=pictures,
        groups=groups,
        measures=None if measures is None else [name.strip() for name in measures.split(",") if name.strip()],
        labels=labels,
    )
    with _progress(console) as counted:
        page = analyze_folder(asked, lambda text: console.print(text, highlight=False, markup=False), counted)
    typer.echo(page)


@app.command()
def explain(
    tower: TowerName,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture.")],
    layers: Annotated[
        str | None, typer.Option(help="For instance 1,4,8 or 1-12; five over the depth when left out.")
    ] = None,
    point: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Pixel of the picture: shows what resembles its patch.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("explain.png"),
    image_size: Annotated[
        int | None,
        typer.Option(min=1, help="Pixels of a side, a multiple of the tower's patch; near 448 when left out."),
    ] = None,
    prefix_tokens: Prefix = None,
    patch: Patch = None,
) -> None:
    """Draw what layers of a tower see in a picture: the main directions of its patches as colours."""
    from shallowsight.steps.explain import Explanation, explain_picture
    from shallowsight.steps.lab_tower import LabTower

    without_loading_bars()
    asked = Explanation(
        tower=LabTower(tower, image_size, 448, prefix_tokens, patch),
        image=image,
        out=out,
        layers=layers,
        point=_point(point),
    )
    typer.echo(explain_picture(asked))


def _point(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError(f"--point {text!r}: write two whole numbers, X,Y, for instance 120,80") from None
    return x, y


def _leaf(tower: str) -> str:
    """The last part of a tower's name, for a folder's name."""
    last = tower.rstrip("/").replace(":", "/").rpartition("/")[2]
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in last).lstrip(".") or "tower"


@contextmanager
def _progress(console: "Console") -> Iterator[Counted]:
    """A bar for each task on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:

        def counted(task: str) -> Callable[[int, int], None]:
            bar = shown.add_task(task, total=None)
            return lambda done, total: shown.update(bar, completed=done, total=total)

        yield counted
