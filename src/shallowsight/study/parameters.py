"""Read the parameters of a pipeline, as a web page, a schedule or another program sends them, or refuse them.

A web page sends texts, a client may send numbers, and a list may arrive as JSON text.
"""

import json
from collections.abc import Sequence
from typing import NoReturn

from shallowsight.errors import ConfigurationError
from shallowsight.study.even_batches import require_even_batches
from shallowsight.study.resolved import Resolved

_FORM = {"overrides": '["finetune.updates=5", "seeds=0 1"]', "settings": '["8", "3,8,12:concat"]'}
_SHOWN = 80  # the most characters of a value in a message
_MOST = 1_000_000  # the most GPUs


def words_of(name: str, value: object) -> list[str]:
    """A list of texts from a list, a single text, or an empty value.

    Raises:
        ConfigurationError: the value is none of these.
    """
    listed = _listed(name, value)
    words = [_word(name, each) for each in listed]
    return [word for word in words if word.strip()]


def gpus_of(value: object) -> int:
    """The GPUs of each training; 0 means one process on a CPU, and an empty value means 0.

    Raises:
        ConfigurationError: the value is not a whole number from 0.
    """
    text = "0" if value is None else str(value).strip() or "0"
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if isinstance(value, bool) or not number.is_integer() or not 0 <= number <= _MOST:
        _refuse_number("gpus", value)
    return int(number)


def require_step_gpus(value: object) -> None:
    """Check the GPUs of the steps that run the tower.

    Kubeflow writes this value into a pod as it is, so it must already be written in digits.

    Raises:
        ConfigurationError: the value is not a whole number in digits.
    """
    if not (isinstance(value, str) and value.isascii() and value.isdecimal()):
        _refuse_number("step_gpus", value)


def require_gpus(resolved: Resolved, gpus: object, step_gpus: object) -> None:
    """Check the numbers of GPUs before any step runs.

    Raises:
        ConfigurationError: a value is not a number of GPUs, or a batch does not divide among the GPUs.
    """
    require_even_batches(resolved.base, gpus_of(gpus))
    require_step_gpus(step_gpus)


def settings_override(settings: Sequence[str]) -> list[str]:
    """The override that replaces a study's settings by these; empty if there are none."""
    return [f"settings={' '.join(settings)}"] if settings else []


def _refuse_number(name: str, value: object) -> NoReturn:
    raise ConfigurationError(f"{name}={_short(value)}: write a whole number from 0 in digits, for instance 2")


def _listed(name: str, value: object) -> list[object]:
    if value is None:
        return []
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        return found if isinstance(found, list) else [value]
    if isinstance(value, list | tuple):
        return list(value)
    _refuse_word(name, value)


def _word(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if name == "settings" and not isinstance(value, bool):
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return str(int(value))  # a layer
    _refuse_word(name, value)


def _refuse_word(name: str, value: object) -> NoReturn:
    raise ConfigurationError(f"{name}: {_short(value)} is not text; write a list of texts, for instance {_FORM[name]}")


def _short(value: object) -> str:
    # Shown as 5, because a 5 from a web page arrives as 5.0.
    text = repr(int(value) if isinstance(value, float) and value.is_integer() else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
