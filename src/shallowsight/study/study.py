"""A study: many experiments that differ in setting and seed, and one verdict over them."""

from typing import Annotated

from pydantic import BeforeValidator, field_validator

from shallowsight.study.experiment import Experiment
from shallowsight.study.fields import Names, Part, Seed, words_of
from shallowsight.study.settings import WORDS, Setting, check_word_or_setting


class Study(Part):
    """The settings and seeds at which `base` is trained and evaluated."""

    name: str
    base: Experiment
    settings: Names
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(words_of)] = (0, 1)

    @field_validator("settings")
    @classmethod
    def _readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if not texts:
            raise ValueError("a study needs at least one setting")
        for text in texts:
            check_word_or_setting(text)
        whole = tuple(text if text in WORDS else str(Setting.parse(text)) for text in texts)
        if len(set(whole)) != len(whole):
            raise ValueError(f"name each setting once; got {' '.join(whole)}")
        return whole

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds must be distinct and at least one, got {seeds}")
        return seeds
