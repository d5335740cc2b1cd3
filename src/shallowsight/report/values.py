"""The values of a study that the report uses; results may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shallowsight.data.learning import Point as Point
from shallowsight.data.shortened import Shortened
from shallowsight.report.group_evidence import GroupEvidence
from shallowsight.report.probe_scores import Probes
from shallowsight.study.early_stop import Screened


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One finished cell."""

    digest: str
    step: str
    setting: str | None
    seed: int | None
    seconds: float
    machine: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One question, and the answer of one trained model."""

    benchmark: str
    category: str
    id: str
    image_id: str
    question: str
    prediction: str
    target: str
    correct: float  # the score of the answer, from 0 to 1
    subtask: str | None = None  # of a public benchmark
    groups: tuple[str, ...] = ()  # finer categories of a public benchmark
    undecided: bool = False  # no rule and no judge decided it, and `correct` is 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """The answers of one trained model to a benchmark that a server scores, or the reason why there is no file."""

    to: str  # where the file is sent
    why: str = ""  # there is no file
    file: str = ""  # below the folder of its cell
    answers: int = 0
    refused: int = 0  # of these, empty because they were not asked
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One seed of one setting: its results, or the reason why there are none."""

    seed: int
    digests: Mapping[str, str]  # step -> digest of its cell
    state: str  # "done", "stopped after <share>", "failed at <step>", "unfinished at <step>", "not run"
    error: str = ""
    benchmarks: tuple[Mapping[str, Any], ...] = ()  # as in scores.json
    samples: tuple[Sample, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)  # public benchmark -> why it was not asked
    submissions: Mapping[str, Submission] = field(default_factory=dict)  # public benchmark -> answers for its server
    learning: tuple[Point, ...] = ()  # the finetuning's answers to held-out questions, after some of its updates
    screened: Screened | None = None  # where its evaluation ended early

    final: str = ""  # the digest of the cell that its results are from

    @property
    def done(self) -> bool:
        """Whether its results are finished and readable."""
        return self.state == "done"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One setting of the study with its seeds."""

    setting: str
    layers: tuple[int, ...]
    fusion: str
    connector: str | None = None  # None: the study's own
    image_tokens: int | None = None  # of a picture; None in a plan that an older version made
    operations: float | None = None  # of one question; None: not counted, or an older plan
    roles: tuple[str, ...]
    trials: tuple[Trial, ...]
    place: int = 0  # in the study, from 0
    part: int = 1  # 9: its trainings end after the ninth part of their updates
    shorter: Mapping[int, tuple[Trial, ...]] = field(default_factory=dict)  # part -> how its shorter trainings did

    @property
    def single(self) -> bool:
        """Whether the model uses one layer once, through the study's own connector."""
        return self.fusion == "single" and self.connector is None

    @property
    def control(self) -> bool:
        """Whether concat joins one layer several times: the parameters of a fusion without its other layers."""
        return self.fusion == "concat" and self.connector is None and 1 == len(set(self.layers)) < len(self.layers)

    @property
    def done(self) -> tuple[Trial, ...]:
        """The seeds that have results."""
        return tuple(t for t in self.trials if t.done)

    @property
    def stopped(self) -> bool:
        """Whether the evaluation of a seed ended early. Its other seeds alone would be a choice by their scores."""
        return any(t.screened is not None for t in self.trials)

    @property
    def label(self) -> str:
        """The setting's name for readers: `layer 8`, `3 + 8 (concat)`, `3,8|11 (deepstack)`, `layer 8 (ldpv2@9)`."""
        layers, _, fusion = self.setting.partition("+")[0].partition(":")
        in_groups = "|" in layers
        written = layers if in_groups else " + ".join(layers.split(",")) if fusion else f"layer {layers}"
        how = ", ".join(part for part in (fusion, self.connector) if part)
        return f"{written} ({how})" if how else written


@dataclass(frozen=True, kw_only=True)
class Group:
    """A contiguous range of layers that behave alike."""

    name: str
    layers: tuple[int, ...]
    representative: int | None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The result of the analysis: the similarity of the tower's layers, and their groups."""

    layers: tuple[int, ...]
    images: int
    cosine: tuple[tuple[float, ...], ...]
    cka: tuple[tuple[float, ...], ...]
    groups: tuple[Group, ...]
    boundaries: tuple[tuple[int, float], ...]  # (layer, share of random halves with a border after this layer)
    evidence: GroupEvidence | None  # None in an analysis that an older version made


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The texts of one step that were cut or left out; the cell `cell` has all ids."""

    step: str
    cell: str
    found: Shortened


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that the report is made from."""

    name: str
    tower: str
    seeds: tuple[int, ...]
    raw: Mapping[str, Any]  # the content of study.json
    members: tuple[Member, ...]  # whose trainings and evaluations are whole: others are not compared with them
    analysis: Analysis | None
    data: Mapping[str, Any]  # the content of data.json, or empty
    texts: tuple[Texts, ...]  # one for each step that has a finished cell: it is equal for all settings and seeds
    cells: tuple[Cell, ...]
    problems: tuple[str, ...] = field(default=())
    probes: Probes | None = None  # None in a study without them
    facts: Mapping[str, Any] = field(default_factory=dict)  # of the tower, from study.json
    ended: tuple[Member, ...] = ()  # whose trainings ended at a rung of halving, or whose evaluations ended early

    @property
    def not_run(self) -> dict[str, str]:
        """Public benchmark -> why it was not asked, in the first trial that says so."""
        return {name: why for m in reversed(self.members) for t in reversed(m.done) for name, why in t.not_run.items()}

    @property
    def more_seeds(self) -> tuple[int, ...]:
        """The seeds that may be added, one after another, to settings that are still undecided."""
        return tuple(int(seed) for seed in self.raw.get("more_seeds", ()))

    def member(self, setting: str) -> Member:
        """The member of that setting (a programming error if there is none)."""
        return next(m for m in self.members if m.setting == setting)

    def role(self, role: str) -> Member | None:
        """The single-layer member with a role such as `last`."""
        return next((m for m in self.members if m.single and role in m.roles), None)
