"""Writes the tables of docs/paper-claims.md: `python tests/paper_claims_page.py`, with src on PYTHONPATH."""

from collections.abc import Iterator
from pathlib import Path

from shallowsight.report.claims.paper import LAYERS, Claim, read_paper
from shallowsight.report.claims.questions import NotAsked

PAGE = Path(__file__).parents[1] / "docs" / "paper-claims.md"
PAPER = read_paper()


def with_tables(page: str) -> str:
    """The page with each table between its marks written anew."""
    for name, rows in (("claims", _claims()), ("numbers", _numbers()), ("errors", _errors())):
        begin, end = f"<!-- {name}: written by tests/paper_claims_page.py -->", f"<!-- end of {name} -->"
        assert page.count(begin) == page.count(end) == 1, name
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = "\n".join([before + begin, "", *rows, "", end + after])
    return page


def _claims() -> Iterator[str]:
    yield from _head(
        "claim", "the paper says", "stands in", "how known", "tolerance", "contradicted by", "asked of a study"
    )
    for claim in PAPER.claims:
        yield _row(
            claim.name, claim.says, claim.source, claim.how, claim.tolerance, claim.contradicted_by, _asked(claim)
        )


def _asked(claim: Claim) -> str:
    found = [question.about for question in claim.study if not isinstance(question, NotAsked)]
    return "; ".join(found) or "no"


def _numbers() -> Iterator[str]:
    yield from _head("layer", *(f"{each.name}{f' ({each.unit})' if each.unit else ''}" for each in PAPER.series))
    for layer in range(LAYERS):
        yield _row(str(layer + 1), *(f"{each.values[layer]:g}" for each in PAPER.series))


def _errors() -> Iterator[str]:
    yield from _head("numbers", "read off", "error of a reading")
    for each in PAPER.series:
        yield _row(each.name, each.source, f"{each.error:g}")
    yield _row("similarity of layers (25 x 25)", PAPER.similarity.source, f"{PAPER.similarity.error:g}")


def _head(*titles: str) -> tuple[str, str]:
    return _row(*titles), _row(*("---" for _ in titles))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
