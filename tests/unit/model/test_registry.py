"""Exact names, each once."""

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.model.registry import Registry


def test_names_are_exact() -> None:
    registry: Registry[int] = Registry("number")
    registry.register("two")(2)
    registry.register("one")(1)
    assert registry["one"] == 1 and list(registry) == ["two", "one"]
    with pytest.raises(ConfigurationError, match=r"no number 'tw'; choose from one, two$"):
        registry["tw"]
    with pytest.raises(ValueError, match="number 'one' is registered twice"):
        registry.register("one")(3)
    assert registry["one"] == 1
