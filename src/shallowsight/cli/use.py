"""`shallowsight export` and `shallowsight chat`: what one does with a trained model."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from shallowsight.export.can import CAN

app = typer.Typer()

Setting = Annotated[
    str, typer.Option(metavar="SETTING", help="Of a study folder: which setting, for instance 8 or 3,8,12:concat.")
]
Seed = Annotated[int | None, typer.Option(help="Of a study folder: which seed; the first one when left out.", min=0)]
Tower = Annotated[str, typer.Option(metavar="FOLDER", help="The tower, if it was in a folder that has moved since.")]


@app.command(epilog=CAN)
def export(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="The folder of a finetune cell, or a study folder.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or an earlier export to replace.")],
    setting: Setting = "",
    seed: Seed = None,
    tower: Tower = "",
) -> None:
    """Write a trained model as a folder that transformers loads without shallowsight."""
    _quiet()
    from shallowsight.export.cell import find_cell
    from shallowsight.export.write import export

    differences = export(find_cell(cell, setting, seed), out, tower)
    typer.echo(f"{out}: load it as {out}/README.md shows. What is not as in the study:")
    for sentence in differences:
        typer.echo(f"- {sentence}")


@app.command()
def chat(
    cell: Annotated[
        str,
        typer.Argument(
            metavar="CELL_OR_DIR", help="The folder of a finetune cell, a study folder, or an exported one."
        ),
    ],
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The picture to ask about.")],
    question: Annotated[
        str | None,
        typer.Argument(help="Without one, each line of standard input is a question after those before it."),
    ] = None,
    setting: Setting = "",
    seed: Seed = None,
    tower: Tower = "",
    longest: Annotated[int | None, typer.Option(help="The most tokens of an answer; 32 when left out.", min=1)] = None,
) -> None:
    """Ask a trained model about a picture. Ctrl-D or Ctrl-C ends the questions."""
    _quiet()
    from shallowsight.chat.opening import open_model
    from shallowsight.chat.talk import ask, talk
    from shallowsight.model.language.room import MAX_NEW_TOKENS

    model = open_model(cell, image, setting, seed, tower, longest or MAX_NEW_TOKENS)
    if question is None:
        talk(model, _lines(), _say, _remark)
    else:
        ask(model, question, (), _say, _remark)


def _say(text: str) -> None:
    typer.echo(text, nl=False)


def _remark(text: str) -> None:
    """On the error output, so that a file or a program that takes the answers gets nothing else."""
    typer.echo(text, nl=False, err=True)


def _lines() -> Iterator[str]:
    """The lines of standard input, until its end; in a terminal each after a mark."""
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "")
        except EOFError:
            if sys.stdin.isatty():
                _say("\n")
            return


def _quiet() -> None:
    """Keep what libraries write while they load weights away from the answers."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    # DeepSpeed, which transformers imports where it is installed, writes about its search for an accelerator.
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
