"""Types of fields, and the base of every part of an experiment."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def words_of(value: object) -> object:
    """`a b` or `a, b` as `--set` gives them, or one number, as a list."""
    if isinstance(value, str):
        return value.replace(", ", " ").split()
    return [value] if isinstance(value, int) else value


def text_words(value: object) -> object:
    """As `words_of`, each as text."""
    listed = words_of(value)
    return [str(v) for v in listed] if isinstance(listed, list | tuple) else listed


Names = Annotated[tuple[str, ...], BeforeValidator(text_words)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Part(BaseModel):
    """Values that never change, and refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
