"""Names and label values that Kubernetes takes."""

import hashlib
import re

from shallowsight.errors import ConfigurationError

# For a TrainJob: its pods are called NAME-node-0-INDEX-SUFFIX, which must fit into a DNS label of 63 characters.
LONGEST_NAME = 63 - len("-node-0-999-abcde")

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def job_name(stage: str, cell: str) -> str:
    """The name of the TrainJob that makes a cell, always the same, so that a second run finds the TrainJob.

    Raises:
        ConfigurationError: no TrainJob can have this name.
    """
    return checked_name(f"shallowsight-{stage}-{cell}")


def checked_name(name: str) -> str:
    """The name, if a TrainJob can have it.

    Raises:
        ConfigurationError: a TrainJob cannot have this name.
    """
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a TrainJob: at most {LONGEST_NAME} of a-z, 0-9 and -, "
            "the first a letter, the last a letter or digit"
        )
    return name


def label_value(text: str) -> str:
    """The text if it can be a label's value, otherwise a similar text with a digest that makes it unique."""
    if _LABEL.fullmatch(text) and len(text) <= _LONGEST_LABEL:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    like = re.sub(r"[^A-Za-z0-9]+", "-", text)[: _LONGEST_LABEL - len(digest) - 1].strip("-")
    return f"{like}-{digest}" if like else digest
