"""The values that are sent to Weights & Biases, field by field, and the outcome of sending them."""

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
    """One question. `key` tells it from the same words about another picture, and does not reveal the picture."""

    key: str
    benchmark: str
    question: str
    expected: str
    answer: str
    correct: float  # the score of the answer, from 0 to 1


class Evaluation(_Value):
    """One setting with one seed of a study."""

    study: str
    study_digest: str
    setting: str
    layers: tuple[int, ...]
    fusion: str
    connector: str
    seed: int
    tower: str
    language: str
    cell_digest: str
    questions_digest: str  # evaluations with equal digests answered the same questions
    version: str  # of this package
    scores: tuple[Score, ...]
    rows: tuple[Row, ...] = ()

    @property
    def name(self) -> str:
        """The evaluation's name, always the same for the same evaluation."""
        return f"{self.study} {self.setting} seed {self.seed}"


class Batch(_Value):
    """The input of one sending process."""

    project: str
    evaluations: tuple[Evaluation, ...]


class Outcome(_Value):
    """The names of the evaluations; `fault` is the reason why others were not sent."""

    sent: tuple[str, ...] = ()
    already_there: tuple[str, ...] = ()
    fault: str | None = None
