"""The resolved study as a document: what every box after the first one reads."""

from pathlib import Path

from shallowsight.store.store import PLAN, STUDY, Store
from shallowsight.study.resolved import Resolved


def publish(resolved: Resolved, store: Store) -> None:
    """Make it the study of this store; the plan of another one goes."""
    text = resolved.document()
    if store.read_document(STUDY) != text:
        store.remove_document(PLAN)
    store.write_document(STUDY, text)


def read_resolved(path: str | Path) -> Resolved:
    """The document that `resolve_study` made."""
    return Resolved.model_validate_json(Path(path).read_text(encoding="utf-8"))
