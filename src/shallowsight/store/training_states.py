"""Where and how often the states of unfinished trainings are saved, from variables of the environment."""

import math
import os

from shallowsight.errors import ConfigurationError
from shallowsight.store.objects.opening import open_objects

STATES = "SHALLOWSIGHT_STATES"  # the file:// or s3:// URL for training states, if they are not to be in the store
SAVE_SECONDS = "SHALLOWSIGHT_SAVE_SECONDS"  # seconds between two saved states of a training
_SAVE_SECONDS = 600.0


def require_states() -> None:
    """Check both variables early, so that a wrong one shows before the data is prepared.

    Raises:
        ConfigurationError: a variable's value cannot be used.
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
    """The interval between two saved states; raises ConfigurationError for a value that is not a positive number."""
    text = os.environ.get(SAVE_SECONDS, str(_SAVE_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ConfigurationError(
            f"{SAVE_SECONDS}={text!r}: write the seconds between two saved training states, for instance 600"
        )
    return seconds
