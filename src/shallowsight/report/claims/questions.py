"""What a claim of the paper asks of a study: values, as they are in `paper.yaml`; `directions.py` answers them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Place = Literal["shallow", "middle", "deep"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Best(_Value):
    """Whether the best layer of a category lies in certain parts of the tower."""

    kind: Literal["best"]
    about: str
    categories: tuple[str, ...]  # the names that such a category has, in small letters
    places: tuple[Place, ...]


class Somewhere(_Value):
    """Whether the best layer of any category lies in certain parts of the tower."""

    kind: Literal["somewhere"]
    about: str
    places: tuple[Place, ...]


class Last(_Value):
    """Whether the penultimate layer beats the last one."""

    kind: Literal["last"]
    about: str


class Fusion(_Value):
    """Whether the paper's fusion, one shallow, one middle and one deep layer side by side, beats single layers."""

    kind: Literal["fusion"]
    about: str
    over: Literal["penultimate", "every layer"]


class Pair(_Value):
    """Whether one layer of the paper's tower beats another one on one benchmark."""

    kind: Literal["pair"]
    about: str
    benchmark: str
    layer: int
    over: int


class NotAsked(_Value):
    """A claim that no study of ours can answer."""

    kind: Literal["not asked"]
    about: str = ""
    why: str


Question = Best | Somewhere | Last | Fusion | Pair | NotAsked
