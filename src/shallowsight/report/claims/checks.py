"""How a claim is held against the paper's own numbers: values, as they are in `paper.yaml`; `rules.py` applies them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shallowsight.report.claims.questions import Place


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the series that it rests on."""
        return ()


class _OfOne(_Value):
    series: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series,)


class _OfSeveral(_Value):
    series: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        return self.series


class AsRead(_Value):
    """Every series adds up to what it did when it was read; the similarities are symmetric."""

    kind: Literal["as read"]


class NoVerdict(_Value):
    """Our tests claim no difference, because there is one run of each layer."""

    kind: Literal["no verdict"]


class MadeOf(_OfOne):
    """A category is the mean of its benchmarks, each brought to 0 to 1 over the layers."""

    kind: Literal["made of"]
    of: tuple[str, ...]
    mean: float  # the differences that were found when both figures were read
    largest: float
    margin: float

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.series, *self.of)


class Groups(_Value):
    """The best three groups of the similarities end where the paper's do."""

    kind: Literal["groups"]
    borders: tuple[int, int]
    within: tuple[int, int]  # layers to either side
    representatives: tuple[int, int, int]


class BestGroup(_OfSeveral):
    """In each series the best layer lies in this group, and reads higher than every layer outside."""

    kind: Literal["best group"]
    group: Place


class LayerOverLayer(_OfOne):
    """One layer reads higher than another one, as stated numbers say too."""

    kind: Literal["layer over layer"]
    layer: int
    over: int
    stated: tuple[float, float]
    same_scale: bool = True  # the stated numbers and the series
    gap: float | None = None  # that is stated beside the two numbers
    gap_within: float = 0.0


class Somewhere(_OfSeveral):
    """In one series or more the best layer of a group reads higher than the best of another group."""

    kind: Literal["somewhere"]
    group: Place
    over: Place


class Mostly(_OfSeveral):
    """Of the series in which two layers differ beyond the reading error, one is higher in most."""

    kind: Literal["mostly"]
    layer: int
    over: int


class Gain(_Value):
    """Two stated numbers and the stated gain agree."""

    kind: Literal["gain"]
    before: float
    after: float
    percent: float
    within: float


class Dip(_Value):
    """This layer alone dips in every series although it is like both neighbours."""

    kind: Literal["dip"]
    layer: int
    alike: float  # the least similarity


class NoNumbers(_Value):
    """Nothing that could be read says anything about it."""

    kind: Literal["no numbers"]
    why: str


Check = AsRead | NoVerdict | MadeOf | Groups | BestGroup | LayerOverLayer | Somewhere | Mostly | Gain | Dip | NoNumbers
