"""The resolved study as a document, which every step after the first one reads."""

from pathlib import Path

from shallowsight.store.store import PLAN, STUDY, Store
from shallowsight.study.resolved import Resolved


def publish(resolved: Resolved, store: Store) -> None:
    """Make this the study of the store; if the store held a different study, delete its plan."""
    text = resolved.document()
    if store.read_document(STUDY) != text:
        store.remove_document(PLAN)
    store.write_document(STUDY, text)


def read_resolved(path: str | Path) -> Resolved:
    """Read the document that `resolve_study` made."""
    return Resolved.model_validate_json(Path(path).read_text(encoding="utf-8"))
