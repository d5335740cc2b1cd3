"""A study: many experiments that differ in setting and seed, and one verdict over them."""

from typing import Annotated, Self

from pydantic import BeforeValidator, field_validator, model_validator

from shallowsight.study.experiment import Experiment
from shallowsight.study.fields import Names, Part, Seed, words_of
from shallowsight.study.halving import Halving
from shallowsight.study.settings import Setting, split_setting
from shallowsight.study.words import check_word_or_setting, is_word

Seeds = Annotated[tuple[Seed, ...], BeforeValidator(words_of)]


class Study(Part):
    """The settings and seeds at which `base` is trained and evaluated."""

    name: str
    base: Experiment
    settings: Names
    seeds: Seeds = (0, 1)
    probes: bool = False  # whether every layer is probed before the trainings: docs/probes.md
    more_seeds: Seeds = ()  # that may be added one after another, to settings that are still undecided
    halving: Halving = Halving()  # fewer settings are trained to the end: docs/halving.md
    early_stop: bool = False  # evaluations of settings that clearly lose end early: docs/early-stop.md
    added: Names = ()  # `SETTING=SEEDS`, such as `9=2,3`: the first of more_seeds, which a setting has been given

    @field_validator("settings")
    @classmethod
    def _readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if not texts:
            raise ValueError("a study needs at least one setting")
        for text in texts:
            check_word_or_setting(text)
        whole = tuple(text if is_word(text) else str(Setting.parse(text)) for text in texts)
        if len(set(whole)) != len(whole):
            raise ValueError(f"name each setting once; got {' '.join(whole)}")
        return whole

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds must be distinct and at least one, got {seeds}")
        return seeds

    @model_validator(mode="after")
    def _connectors_differ_from_the_base(self) -> Self:
        for text in self.settings:
            if split_setting(text)[2] == self.base.connector:
                raise ValueError(
                    f"setting {text!r}: {self.base.connector} is the connector of the study; write "
                    f"{text.partition('+')[0]}"
                )
        return self

    @model_validator(mode="after")
    def _probes_have_questions(self) -> Self:
        if self.probes and not self.base.own_benchmarks:
            raise ValueError(
                f"probes=true with benchmarks {' '.join(self.base.benchmarks)}: probes learn from the study's own "
                "questions; set probes=false, or name a benchmark of the study's own too"
            )
        return self

    @model_validator(mode="after")
    def _new_seeds(self) -> Self:
        every = (*self.seeds, *self.more_seeds)
        if len(set(every)) != len(every):
            raise ValueError(
                f"more_seeds must be distinct and none of seeds; got seeds {list(self.seeds)}, "
                f"more_seeds {list(self.more_seeds)}"
            )
        given = [_given(word) for word in self.added]
        names = [setting for setting, _ in given]
        if len(set(names)) != len(names):
            raise ValueError(f"added: name each setting once; got {' '.join(self.added)}")
        for setting, seeds in given:
            if seeds != self.more_seeds[: len(seeds)]:
                raise ValueError(
                    f"added: setting {setting} has the seeds {list(seeds)}; seeds are added in the order of "
                    f"more_seeds, {list(self.more_seeds)}"
                )
        return self

    @model_validator(mode="after")
    def _all_may_end_early(self) -> Self:
        others = {"halving.eta": bool(self.halving.eta), "more_seeds": bool(self.more_seeds)}
        if self.early_stop and (other := next((key for key, given in others.items() if given), None)):
            raise ValueError(
                f"early_stop=true with {other}: which settings go on is decided by whole evaluations; a study may have "
                "one of them, not both"
            )
        return self

    @model_validator(mode="after")
    def _can_be_halved(self) -> Self:
        if not self.halving.eta:
            return self
        stage = self.base.finetune
        if stage.schedule != "constant_then_decay":
            raise ValueError(
                f"halving.eta={self.halving.eta} with finetune.schedule={stage.schedule}: a training that goes on "
                "later needs finetune.schedule=constant_then_decay"
            )
        if stage.part > 1:
            raise ValueError(f"finetune.part={stage.part}: halving chooses the part of each setting; leave it out")
        if self.more_seeds:
            raise ValueError("more_seeds with halving.eta: a study may have one of them, not both")
        longest = (1 - stage.decay) / self.halving.parts[0]
        if stage.warmup >= longest:
            raise ValueError(
                f"finetune.warmup={stage.warmup:g}: the first rung of halving is 1/{self.halving.parts[0]} of the "
                f"updates and must have some with a constant learning rate; set a warmup of less than {longest:.3g}"
            )
        return self

    def part_of(self, setting: Setting) -> int:
        """The part of its updates after which a setting's finetuning ends, as far as the study has come."""
        return self.halving.part_of(setting) if self.halving.eta else self.base.finetune.part

    def at(self, setting: Setting, seed: int, part: int | None = None) -> Experiment:
        """One experiment of the study; its finetuning ends after `part`, or where it ends by now (None)."""
        found = self.base.at(setting, seed)
        part = self.part_of(setting) if part is None else part
        return found.model_copy(update={"finetune": found.finetune.model_copy(update={"part": part})})

    def seeds_of(self, setting: Setting) -> tuple[int, ...]:
        """The seeds of one setting: those of every setting, and the ones that it was given later."""
        return (*self.seeds, *self.given.get(str(setting), ()))

    @property
    def given(self) -> dict[str, tuple[int, ...]]:
        """`added` by setting."""
        return dict(map(_given, self.added))

    @property
    def looks(self) -> int:
        """How often the study is judged at most: once, and once after each seed that may be added."""
        return 1 + len(self.more_seeds)


def _given(word: str) -> tuple[str, tuple[int, ...]]:
    text, _, seeds = word.rpartition("=")
    try:
        numbers = tuple(map(int, seeds.split(",")))
        return str(Setting.parse(text)), numbers
    except ValueError:
        raise ValueError(f"added: write SETTING=SEEDS, such as 9=2,3 or 3,8:concat=2, got {word!r}") from None
