"""The paper's numbers and claims, as they are in `paper.yaml`."""

import json
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shallowsight.errors import ConfigurationError
from shallowsight.report.claims.checks import Check
from shallowsight.report.claims.questions import Question

DATA = Path(__file__).with_name("paper.yaml")
FIGURE = "paper_figure_1a.json"  # beside the data file
LAYERS = 24  # of the paper's tower
STATES = 1 + LAYERS
How = Literal["printed", "read off", "second-hand", "ours"]


_Row = Annotated[tuple[float, ...], Field(min_length=STATES, max_length=STATES)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Series(_Value):
    """One number for each layer, read off a figure."""

    name: str
    unit: str = ""
    scale: float = Field(1.0, gt=0)  # what stands for 1
    source: str = Field(alias="from")
    error: float = Field(gt=0)  # of one reading
    total: float
    values: Annotated[tuple[float, ...], Field(min_length=LAYERS, max_length=LAYERS)]

    @model_validator(mode="after")
    def _is_a_score(self) -> Self:
        if not all(0 <= value <= self.scale for value in self.values):
            raise ValueError(f"{self.name}: a score is between 0 and {self.scale:g}")
        if len(set(self.values)) == 1:
            raise ValueError(f"{self.name}: all layers have one score, which cannot be brought to 0 to 1")
        return self


class Similarity(_Value):
    """The cosine similarity of all hidden states, the embeddings first."""

    source: str = Field(alias="from")
    error: float = Field(gt=0)
    total: float
    values: Annotated[tuple[_Row, ...], Field(min_length=STATES, max_length=STATES)]


class Claim(_Value):
    """One statement, where it stands, and what would contradict it."""

    name: str
    says: str
    source: str
    how: How
    tolerance: str
    contradicted_by: str
    check: Check = Field(discriminator="kind")  # against the paper's own numbers
    study: tuple[Annotated[Question, Field(discriminator="kind")], ...] = ()  # what it asks of a study


class Paper(_Value):
    """All numbers that could be read, and all claims."""

    tower: str
    series: tuple[Series, ...]
    similarity: Similarity
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        known = {series.name for series in self.series}
        if len(known) < len(self.series) or len({claim.name for claim in self.claims}) < len(self.claims):
            raise ValueError("two series or two claims have one name")
        for claim in self.claims:
            if missing := sorted(set(claim.check.needs) - known):
                raise ValueError(f"claim {claim.name!r} rests on series that do not exist: {', '.join(missing)}")
        return self


def read_paper(path: Path = DATA) -> Paper:
    """Read the data file, and the similarities beside it.

    Raises:
        ConfigurationError: it cannot be read, or does not have this form.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        found["similarity"]["values"] = json.loads(path.with_name(FIGURE).read_text(encoding="utf-8"))["similarity"]
        return Paper.model_validate(found)
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: the paper's numbers cannot be used: {error}") from error
