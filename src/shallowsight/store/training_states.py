"""Where the states of unfinished trainings are kept, and how often: what the environment says."""

import math
import os

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.opening import open_objects

STATES = "SHALLOWSIGHT_STATES"  # where unfinished trainings are kept, if not in the store: file:// or s3://
SAVE_SECONDS = "SHALLOWSIGHT_SAVE_SECONDS"  # between two states of a training
_SAVE_SECONDS = 600.0


def require_states() -> None:
    """Ask of the environment what a training will, before there is anything to train on.

    Raises:
        ConfigurationError: one of the two says nothing that can be used.
        StoreUnavailable: the bucket's server does not answer.
    """
    seconds_between_states()
    place = os.environ.get(STATES)
    if place is None:
        return
    try:
        open_objects(place)
    except ConfigurationError as error:
        raise ConfigurationError(f"{STATES}: {error}") from None


def seconds_between_states() -> float:
    """Raises ConfigurationError for what is no time."""
    text = os.environ.get(SAVE_SECONDS, str(_SAVE_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigurationError(f"{SAVE_SECONDS}={text!r}: write the seconds between two states, for instance 600")
    return seconds
