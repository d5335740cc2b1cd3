"""Digests: what was put in decides, never a path, a host or a time."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]


def digest_of(value: Any) -> str:
    """Sixteen hex digits of sha256 over the value's JSON, keys sorted."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Sixty-four hex digits over a file's bytes."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def versions_of(*distributions: str) -> dict[str, str]:
    """Installed versions; a package that is not installed says so."""
    # A local label such as +cpu says how it was built, not what it computes.
    return {name: build.partition("+")[0] for name, build in builds_of(*distributions).items()}


def builds_of(*distributions: str) -> dict[str, str]:
    """The same with their local labels."""
    return {name: _build_of(name) for name in distributions}


@lru_cache  # a study asks hundreds of times, and each look through the installed packages takes milliseconds
def _build_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


# What they do is in no output: they carry bytes that are checked on arrival, count, or watch.
_CARRIERS = (
    "shallowsight.store",
    "shallowsight.observe",
    "shallowsight.cluster",
    "shallowsight.train.efficiency",
    "shallowsight.train.orphans",
    "shallowsight.train.watchdog",
)


@lru_cache
def code_digest(module: str) -> str:
    """Over the source of a module of this package and of every module of it that it imports, directly or not.

    The packages that hold them count too, as importing a module runs them. So an edit of the report does not make a
    trained model stale. Nor does one of the services: they carry bytes that are checked on arrival, and make none.
    """
    sources: dict[str, str] = {}
    _collect(module, sources)
    return digest_of(sources)


def _collect(module: str, sources: dict[str, str]) -> None:
    path = _file_of(module)
    if path is None or module in sources or module.startswith(_CARRIERS):
        return
    text = path.read_text(encoding="utf-8")
    sources[module] = hashlib.sha256(text.encode()).hexdigest()
    for imported in (module.rpartition(".")[0], *_imports(ast.parse(text))):
        _collect(imported, sources)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from package import module`
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _file_of(module: str) -> Path | None:
    top, *parts = module.split(".")
    if top != PACKAGE.name or not parts:
        return None
    base = PACKAGE.joinpath(*parts)
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
