"""Read the body of a reply, which may be anything."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shallowsight.evaluate.judge.faults import Passing
from shallowsight.evaluate.judge.spending import Tokens

_Count = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Message(_Strict):
    content: Annotated[str, Field(min_length=1)]


class _Choice(_Strict):
    message: _Message


class _Reply(_Strict):
    choices: Annotated[list[_Choice], Field(min_length=1)]


class _Usage(_Strict):
    prompt_tokens: _Count
    completion_tokens: _Count


class _Bill(_Strict):
    usage: _Usage


def content_of(body: bytes) -> str:
    """What the judge wrote.

    Raises:
        Passing: the body is no reply of a chat endpoint, or has nothing in it.
    """
    try:
        return _Reply.model_validate_json(body).choices[0].message.content.strip()
    except ValidationError:
        raise Passing("its reply is not of the form of a chat endpoint, or is empty") from None


def tokens_of(body: bytes) -> Tokens | None:
    """The tokens that the endpoint counted; None where it says nothing that can be a count."""
    try:
        usage = _Bill.model_validate_json(body).usage
    except ValidationError:
        return None
    return Tokens(usage.prompt_tokens, usage.completion_tokens)
