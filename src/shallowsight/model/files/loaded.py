"""Whether transformers found every weight of a model; it would fill the others with random numbers."""

from collections.abc import Mapping
from typing import Any

from shallowsight.errors import ConfigurationError


def require_all_weights(key: str, model: str, found: Mapping[str, Any]) -> None:
    """`found` is what `from_pretrained` returns with `output_loading_info` and `ignore_mismatched_sizes`.

    Raises:
        ConfigurationError: some weights are missing, or have another shape than the model's config.json says.
    """
    mend = "take config.json and weights of one model, or save it again with save_pretrained of transformers"
    if mismatched := sorted(found["mismatched_keys"]):
        name, in_file, by_config = mismatched[0]
        raise ConfigurationError(
            f"{key}: {model}: {name} is {list(in_file)} in the weights and {list(by_config)} by config.json "
            f"({len(mismatched)} such tensors); {mend}"
        )
    if missing := sorted(found["missing_keys"]):
        raise ConfigurationError(
            f"{key}: {model}: the weights have no {missing[0]} ({len(missing)} such tensors), which config.json asks "
            f"for; {mend}"
        )
