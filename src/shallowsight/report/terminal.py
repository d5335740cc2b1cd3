"""The scores of a study as a table for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shallowsight.evaluate.statistics.letters import written
from shallowsight.report import early_stop
from shallowsight.report.findings import Findings, find
from shallowsight.report.halving import halved
from shallowsight.report.halving_words import sentences
from shallowsight.report.inputs import read_study
from shallowsight.report.lettering import Lettering, lettering
from shallowsight.report.probes import agreements, summary
from shallowsight.report.scores import Category
from shallowsight.report.submissions import for_servers
from shallowsight.report.values import Member, Study
from shallowsight.report.words import shortened
from shallowsight.study.public_benchmarks import SUBMISSIONS

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

_APART = 2  # blanks in front of a column
_SHORTEST = 10  # letters of a category's name, where there is no room for all
_MARKS = "* highest single layer   \N{ALMOST EQUAL TO} cannot be told from the best one"
_LETTERS = "settings of a column that share a letter are not told apart"


def terminal_table(study_dir: Path, width: int) -> "Group":
    """Setting by category: mean and standard deviation over seeds in percent, in lines of at most `width` characters.

    Behind the numbers stand the letters of a category in which settings are told apart. Categories that have no room
    stand in further tables below. Then follow lines on probes, halving and early stops, if there are any, and a list of
    the texts that were cut or left out.
    """
    from rich.console import Group
    from rich.text import Text

    study = read_study(study_dir)
    findings = find(study)
    letters = lettering(findings)
    lines = [_MARKS, *([_LETTERS] if letters.any else [])]
    lines += [line] if (line := summary(agreements(study, findings))) else []
    if (found := halved(study)) is not None:
        lines += sentences(found, findings)[:1]
    lines += [*early_stop.summary(study), *shortened(study), *_elsewhere(study, findings)]
    return Group(
        Text(f"{study.name}: accuracy in %, mean \N{PLUS-MINUS SIGN} sd over seeds", style="italic"),
        *_tables(study, findings, letters, width),
        Text("\n".join(lines)),  # Text, because the users' ids are no markup
    )


def _elsewhere(study: Study, findings: Findings) -> list[str]:
    """What has no place in a table of scores."""
    lines = [f"not run: {name}: {why}" for name, why in study.not_run.items()]
    if any(each.file for each in for_servers(study)):
        lines.append(f"answers for servers of benchmarks: in the report's folder {SUBMISSIONS}")
    return lines + [f"problem: {problem}" for problem in findings.problems]


def _tables(study: Study, findings: Findings, letters: Lettering, width: int) -> "Iterator[Table | Text]":
    from rich.text import Text

    first = min(max([len("setting"), *(len(m.setting) for m in _all(study))]), width // 2)
    if not findings.categories:
        yield _table(study, first, {"state": [_states(m) for m in _all(study)]}, {"state": width - first - _APART})
        return
    columns = {c.name: _column(study, c, letters) for c in findings.categories}
    whole = {name: max(map(len, (name, *found))) for name, found in columns.items()}
    least = {name: max(map(len, (name[:_SHORTEST], *found))) for name, found in columns.items()}
    for number, names in enumerate(_divided(least, width - first)):
        if number:
            yield Text()
        fits = sum(_APART + whole[name] for name in names) <= width - first
        yield _table(study, first, {name: columns[name] for name in names}, whole if fits else least)


def _divided(widths: Mapping[str, int], room: int) -> Iterator[list[str]]:
    """The names in order, as many together as have room, and at least one."""
    part: list[str] = []
    for name in widths:
        if part and sum(_APART + widths[each] for each in (*part, name)) > room:
            yield part
            part = []
        part.append(name)
    yield part


def _table(study: Study, first: int, columns: Mapping[str, Sequence[str]], widths: Mapping[str, int]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(pad_edge=False, box=None, padding=(0, 0, 0, _APART))
    table.add_column("setting", width=first, overflow="fold")  # not cut: the end tells two settings apart
    for name in columns:
        table.add_column(Text(name), width=widths[name], justify="right", no_wrap=True, overflow="ellipsis")
    for row, member in enumerate(_all(study)):
        table.add_row(Text(member.setting), *(Text(cells[row]) for cells in columns.values()))
    return table


def _all(study: Study) -> tuple[Member, ...]:
    """Also those whose training or evaluation ended early."""
    return (*study.members, *study.ended)


def _states(member: Member) -> str:
    states = ", ".join(dict.fromkeys(t.state for t in member.trials)) or "no seeds"
    return states + (f" after 1/{member.part} of the updates" if member.part > 1 else "")


def _column(study: Study, category: Category, letters: Lettering) -> list[str]:
    """The cells of a category; the numbers stand below each other, and so do the letters behind them."""
    found = [written(letters.of(category.name, member.setting)) for member in _all(study)]
    room = max(map(len, found))
    behind = [f" {each:{room}}" if room else "" for each in found]
    return [_cell(study, category, member) + each for member, each in zip(_all(study), behind, strict=True)]


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
