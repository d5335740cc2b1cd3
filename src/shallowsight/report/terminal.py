"""The scores of a study as a table for the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.report.findings import find
from shallowsight.report.halving import halved
from shallowsight.report.halving_words import sentences
from shallowsight.report.inputs import read_study
from shallowsight.report.probes import agreements, summary
from shallowsight.report.scores import Category
from shallowsight.report.values import Member, Study
from shallowsight.report.words import shortened

if TYPE_CHECKING:
    from rich.table import Table


def terminal_table(study_dir: Path) -> "Table":
    """Setting by category: mean and standard deviation over seeds in percent; fits 100 columns with 6 categories.

    Below the table is a line on the probes, if there are any, and a list of the texts that were cut or left out.
    """
    from rich.table import Table
    from rich.text import Text

    study = read_study(study_dir)
    findings = find(study)
    caption = "* highest single layer   \N{ALMOST EQUAL TO} cannot be told from the best one"
    probed = [line] if (line := summary(agreements(study, findings))) else []
    if (found := halved(study)) is not None:
        probed += sentences(found)[:1]
    table = Table(
        title=f"{study.name}: accuracy in %, mean \N{PLUS-MINUS SIGN} sd over seeds",
        caption=Text("\n".join([caption, *probed, *shortened(study)])),  # Text, because the users' ids are no markup
        pad_edge=False,
        box=None,
        padding=(0, 1),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("setting", max_width=18, overflow="fold")  # not cut: the end tells two settings apart
    for category in findings.categories:
        table.add_column(Text(category.name), justify="right", no_wrap=True, min_width=10, overflow="ellipsis")
    if not findings.categories:
        table.add_column("state")
    for member in (*study.members, *study.ended):
        cells = [_cell(study, category, member) for category in findings.categories]
        states = ", ".join(dict.fromkeys(t.state for t in member.trials)) or "no seeds"
        states += f" after 1/{member.part} of the updates" if member.part > 1 else ""
        table.add_row(Text(member.setting), *map(Text, cells or [states]))
    return table


def _cell(study: Study, category: Category, member: Member) -> str:
    score = category.scores.get(member.setting)
    if score is None and member.part > 1:
        return f"1/{member.part}"
    if score is None:
        return next((t.state.split()[0] for t in member.trials if not t.done), "-")
    best = category.best(tuple(m for m in study.members if m.single))
    spread = f"\N{PLUS-MINUS SIGN}{100 * score.sd:.1f}" if score.sd is not None else ""
    mark = " "
    if best and best.setting == member.setting:
        mark = "*"
    elif member.setting in category.judgement.best.get(category.name, ()):
        mark = "\N{ALMOST EQUAL TO}"
    return f"{100 * score.accuracy:.1f}{spread}{mark}"
