"""docs/layer-lab.md has a row for every fusion, connector and word."""

from pathlib import Path

import pytest

from shallowsight.study.connectors import CONNECTORS
from shallowsight.study.fusions import FUSIONS
from shallowsight.study.words import WORDS

PAGE = Path(__file__).parents[3] / "docs" / "layer-lab.md"
FIRST_CELLS = "\n".join(line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|")


@pytest.mark.parametrize("name", [*FUSIONS, *CONNECTORS, *WORDS])
def test_a_row_of_the_page(name: str) -> None:
    assert f"`{name}`" in FIRST_CELLS
