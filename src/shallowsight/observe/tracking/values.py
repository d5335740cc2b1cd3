"""What leaves the machine, field by field, and what became of it."""

from pydantic import BaseModel, ConfigDict


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Value):
    """One benchmark's result; `value` is a share from 0 to 1."""

    name: str
    category: str
    metric: str
    value: float
    n: int
    standard_error: float | None
    chance: float | None


class Row(_Value):
    """One question; `key` tells it from the same words about another picture, and says nothing of the picture."""

    key: str
    benchmark: str
    question: str
    expected: str
    answer: str
    correct: bool


class Evaluation(_Value):
    """One setting with one seed of a study."""

    study: str
    study_digest: str
    setting: str
    layers: tuple[int, ...]
    fusion: str
    seed: int
    tower: str
    language: str
    cell_digest: str
    questions_digest: str  # evaluations with the same one answered the same questions
    version: str  # of this package
    scores: tuple[Score, ...]
    rows: tuple[Row, ...] = ()

    @property
    def name(self) -> str:
        """The same whenever it is sent."""
        return f"{self.study} {self.setting} seed {self.seed}"


class Batch(_Value):
    """For one process that sends."""

    project: str
    evaluations: tuple[Evaluation, ...]


class Outcome(_Value):
    """Names of evaluations; `fault` says why the rest was not sent."""

    sent: tuple[str, ...] = ()
    already_there: tuple[str, ...] = ()
    fault: str | None = None
