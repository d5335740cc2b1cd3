"""Write a comparison: the numbers, the Markdown and the page, all or none."""

import json
import logging
from pathlib import Path
from typing import Any

from shallowsight.errors import MissingPackage
from shallowsight.report.compare.markdown import markdown
from shallowsight.report.compare.values import Compared, Difference, Side
from shallowsight.report.compare.words import headline, sentences
from shallowsight.report.values import Member
from shallowsight.store.foreign_files import refuse_foreign
from shallowsight.store.whole_folder import whole_folder

log = logging.getLogger(__name__)

PAGE = "compare.html"
FILES = (PAGE, "compare.json", "compare.md")


def require_free(out: Path) -> None:
    """Raises ConfigurationError when the folder `out` holds other files than those of an earlier comparison."""
    refuse_foreign(out.absolute(), "comparison", FILES.__contains__)


def write_comparison(compared: Compared, out: Path) -> Path:
    """Write the files into the folder `out`, in place of an earlier comparison; returns the path of the page.

    Raises:
        ConfigurationError: `out` holds other files.
        MissingPackage: the extra `report` is not installed.
    """
    require_free(out)
    try:
        from shallowsight.report.compare.page import render

        page = render(compared)
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "jinja2", "report") from error
    with whole_folder(out.absolute()) as new:
        (new / PAGE).write_text(page, encoding="utf-8")
        (new / "compare.json").write_text(
            json.dumps(numbers(compared), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (new / "compare.md").write_text(markdown(compared), encoding="utf-8")
    log.info("comparison: %s", out / PAGE)
    return out / PAGE


def numbers(compared: Compared) -> dict[str, Any]:
    """The content of compare.json: everything that the page shows."""
    return {
        "before": _side(compared.before),
        "after": _side(compared.after),
        "headline": headline(compared),
        "sentences": sentences(compared),
        "inputs": [{"what": c.what, "before": c.before, "after": c.after} for c in compared.inputs],
        "questions": {
            name: {"paired": q.paired, "before": q.before, "after": q.after, "says": q.says}
            for name, q in compared.questions.items()
        },
        "differences": [_difference(d) for d in compared.differences],
        "only_before": [m.setting for m in compared.only_before],
        "only_after": [m.setting for m in compared.only_after],
        "recommended": [
            {
                "category": r.category,
                "before": r.before,
                "after": r.after,
                "changed": r.changed,
                "supported": r.supported,
                "why": r.why,
            }
            for r in compared.recommended
        ],
        "notes": list(compared.notes),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "place": side.place,
        "study": side.study.name,
        "tower": side.study.tower,
        "layers": side.depth,
        "seeds": list(side.study.seeds),
    }


def _difference(d: Difference) -> dict[str, Any]:
    return {
        "category": d.category,
        "before": _member(d.pair.before),
        "after": _member(d.pair.after),
        "role": d.pair.role,
        "relative_depths": d.pair.depths,
        "accuracy_before": d.before,
        "accuracy_after": d.after,
        "seeds": d.seeds,
        "difference": d.gap,
        "interval": d.interval,
        "p": d.p,
        "verdict": d.verdict.value,
        "why": d.why,
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "setting": member.setting,
        "layers": member.layers,
        "evaluations": [t.digests.get("evaluate") for t in member.done],
    }
