"""How many tokens an answer may have."""

from collections.abc import Mapping
from typing import Any

from shallowsight.errors import ShallowsightError
from shallowsight.model.language.kinds import positions_of

MAX_NEW_TOKENS = 32  # where neither a task nor a user says a limit


def room_after(prompt: int, config: Mapping[str, Any]) -> float:
    """The tokens that are left for an answer after a prompt; infinite for a model without a limit of positions.

    Raises:
        ShallowsightError: the prompt leaves none.
    """
    positions = positions_of(config)
    if positions is None:
        return float("inf")
    if prompt >= positions:
        raise ShallowsightError(
            f"a question is {prompt} tokens, language.model has {positions} positions, which leaves none for the "
            "answer; use shorter questions, a smaller picture (vision.pool), or another model"
        )
    return positions - prompt
