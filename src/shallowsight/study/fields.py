"""Types of fields, and the base of every part of an experiment."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def words_of(value: object) -> object:
    """A list from `a b` or `a, b`, as `--set` gives them, or from one number."""
    if isinstance(value, str):
        return value.replace(", ", " ").split()
    return [value] if isinstance(value, int) else value


def text_words(value: object) -> object:
    """Like `words_of`, with each item as text."""
    listed = words_of(value)
    return [str(v) for v in listed] if isinstance(listed, list | tuple) else listed


Names = Annotated[tuple[str, ...], BeforeValidator(text_words)]
Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Part(BaseModel):
    """The base of parts: frozen values, which refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
