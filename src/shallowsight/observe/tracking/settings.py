"""The settings for tracking evaluations, from the environment. This module does not import weave."""

import os
from dataclasses import dataclass

from shallowsight.errors import ConfigurationError

PROJECT = "SHALLOWSIGHT_WEAVE"  # ENTITY/PROJECT, or PROJECT of the key's own entity; unset: tracking is off
SAMPLES = "SHALLOWSIGHT_WEAVE_SAMPLES"  # how many questions with answers are sent for each evaluation; unset: none
_DISABLED = "WEAVE_DISABLED"  # a variable of weave itself
_MOST_SAMPLES = 1000
_LONGEST = 128  # the most letters of a name
_FORBIDDEN = "/\\#?%:"  # characters that Weights & Biases does not allow in a name


@dataclass(frozen=True)
class Tracking:
    """The weave project for evaluations, and how many questions are sent with each."""

    project: str
    samples: int


def tracking() -> Tracking | None:
    """The tracking that the environment asks for; None: nothing is sent.

    Raises:
        ConfigurationError: a name or a number is malformed, or weave is switched off.
    """
    project = os.environ.get(PROJECT)
    if not project:
        return None
    if (os.environ.get(_DISABLED) or "").lower() in {"yes", "true", "1", "on"}:
        raise ConfigurationError(f"{PROJECT} asks for tracking and {_DISABLED} forbids it: unset one of them")
    names = project.split("/")
    if len(names) > 2 or not all(map(_is_name, names)):
        raise ConfigurationError(
            f"{PROJECT}={project!r}: write ENTITY/PROJECT or PROJECT; a name has 1 to {_LONGEST} letters and none of "
            f"{' '.join(_FORBIDDEN)}"
        )
    return Tracking(project, _samples())


def _is_name(text: str) -> bool:
    return (
        0 < len(text) <= _LONGEST
        and text == text.strip()
        and text.isprintable()
        and not any(letter in _FORBIDDEN for letter in text)
    )


def _samples() -> int:
    text = os.environ.get(SAMPLES) or "0"
    if not text.isdecimal() or int(text) > _MOST_SAMPLES:
        raise ConfigurationError(f"{SAMPLES}={text!r}: write a whole number from 0 to {_MOST_SAMPLES}")
    return int(text)
