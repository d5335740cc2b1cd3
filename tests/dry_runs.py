"""What a dry run says of a study that cannot be."""

from typer.testing import CliRunner

from shallowsight.cli.app import app
from shallowsight.errors import ConfigurationError


def dry_run(*overrides: str) -> str:
    """What is said of a study that cannot be; empty when it can."""
    words = [part for override in overrides for part in ("--set", override)]
    ended = CliRunner().invoke(app, ["study", "quick", "--dry-run", "--out", "nowhere", *words])
    if ended.exception is None:
        return ""
    assert isinstance(ended.exception, ConfigurationError), ended.exception
    assert "\n" not in str(ended.exception)
    return str(ended.exception).partition("; `shallowsight forecast")[0]
