"""The layer study's claims against its own numbers."""

from shallowsight.analysis.partition import best_borders
from shallowsight.report.claims.paper import read_paper
from shallowsight.report.claims.replay import Replay, replay


def replay_paper() -> Replay:
    """Send the paper's numbers through our findings, tests and groups."""
    return replay(read_paper(), best_borders)
