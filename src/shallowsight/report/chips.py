"""A comparison as the page shows it: the gap, its interval, and a mark."""

from shallowsight.evaluate.statistics.family import Comparison, Verdict

MARKS = {  # CSS class of the mark, sign, words: the meaning must not depend on colour alone
    Verdict.A_BETTER: ("better", "\N{BLACK UP-POINTING TRIANGLE}", "better"),
    Verdict.B_BETTER: ("worse", "\N{BLACK DOWN-POINTING TRIANGLE}", "worse"),
    Verdict.NOT_DISTINGUISHABLE: ("same", "\N{ALMOST EQUAL TO}", "not distinguishable"),
    Verdict.FEW_SEEDS: ("same", "?", "too few seeds"),
    Verdict.FEW_PICTURES: ("same", "?", "too few pictures"),
    Verdict.NOT_LEVELLED: ("same", "\N{HOURGLASS}", "not levelled off"),
}


def verdict_chip(c: Comparison | None) -> dict[str, str] | None:
    """A comparison for readers: gap in points, interval, mark."""
    if c is None:
        return None
    kind, sign, words = MARKS[c.verdict]
    p = "" if c.p is None else f"p = {c.p:.2g}" if c.p >= 1e-4 else "p < 0.0001"
    return {
        "gap": _signed(c.gap),
        "interval": " to ".join(map(_signed, c.interval)) if c.interval else "interval unknown",
        "kind": kind,
        "sign": sign,
        "words": words,
        "p": p,
        "why": c.why,
    }


def against_all_chip(c: Comparison | None) -> dict[str, str] | None:
    """A fusion against every single layer: the gap to the highest one, which was picked afterwards: no interval."""
    chip = verdict_chip(c)
    if c is None or chip is None:
        return None
    unclear = c.verdict is Verdict.NOT_DISTINGUISHABLE
    return chip | {"interval": "to the highest", "words": "not shown to beat all" if unclear else chip["words"]}


def _signed(share: float) -> str:
    points = round(100 * share, 1) + 0.0  # a gap of -0.0 has no side
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")
