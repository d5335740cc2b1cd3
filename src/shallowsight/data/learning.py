"""What a finetuning has learnt: how well the model answers held-out questions after some of its updates."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

LEARNING = "learning.json"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answers(_Value):
    """How well questions of one kind are answered."""

    questions: int
    loss: float  # mean over the tokens of the answers, their ends included; nats
    exact: float  # share of the questions of which greedy decoding would give the expected answer


class Point(_Value):
    """The answers after an update; after update 0 nothing is trained yet."""

    update: int
    share: float  # of the updates of the stage
    kinds: Mapping[str, Answers]


class Learning(_Value):
    """All points of a finetuning; none where no question is held out."""

    points: tuple[Point, ...] = ()
    left_out: int = 0  # held-out questions that are not asked, because they end beyond `language.max_length`
