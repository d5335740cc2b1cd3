"""What `shallowsight list` prints: every name that a study may use, with a line and the source of each."""

from collections.abc import Mapping
from typing import Protocol

import typer


class _Part(Protocol):
    @property
    def says(self) -> str: ...
    @property
    def source(self) -> str: ...


def print_names() -> None:
    """The named studies and experiments, the benchmarks, and the parts that settings are made of."""
    from shallowsight.model.tower.families import FAMILIES
    from shallowsight.steps.analyze_folder import known_measures
    from shallowsight.study.benchmarks import BENCHMARKS
    from shallowsight.study.connectors import CONNECTORS
    from shallowsight.study.experiments import EXPERIMENTS, STUDIES
    from shallowsight.study.fusions import FUSIONS
    from shallowsight.study.public_benchmarks import public_benchmarks

    for title, names in (("studies", STUDIES), ("experiments", EXPERIMENTS), ("benchmarks", BENCHMARKS)):
        typer.echo(f"{title}: {', '.join(names)}")
    public = [(n, b.says, b.source.repository) for n, b in public_benchmarks().items() if b.source]
    _table("public benchmarks, and lmms:TASK for any other task of lmms-eval", public)
    _table("fusions, written after the layers of a setting as in 3,8:concat", _lines(FUSIONS))
    _table("connectors, written at the end of a setting as in 8+ldpv2@9", _lines(CONNECTORS))
    towers = [(name, family.says, "transformers") for name, family in FAMILIES.items()]
    _table("towers by family, beside embedded:dinov2-small: what a layer is", towers)
    _table("measures of `shallowsight analyze`", [(m.name, m.says, m.source) for m in known_measures()])


def _lines(parts: Mapping[str, _Part]) -> list[tuple[str, str, str]]:
    return [(name, part.says, part.source) for name, part in parts.items()]


def _table(title: str, lines: list[tuple[str, str, str]]) -> None:
    typer.echo(f"\n{title}:")
    width = max(len(name) for name, _, _ in lines)
    for name, says, source in lines:
        typer.echo(f"  {name:{width}}  {says} ({source})")
