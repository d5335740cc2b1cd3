"""How gaps are written beside their verdicts."""

import pytest

from shallowsight.report.chips import _signed


@pytest.mark.parametrize(("share", "written"), [(0.0, "+0.0"), (-0.0, "+0.0"), (-0.0002, "+0.0"), (-0.051, "-5.1")])
def test_no_gap_has_no_minus(share: float, written: str) -> None:
    assert _signed(share) == written.replace("-", "\N{MINUS SIGN}")
