"""Digests. They depend on contents only, never on a path, a host or a time."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache, lru_cache
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
    """The version of each installed package; "not installed" for the others."""
    # A local label such as +cpu says how the package was built, not what it computes.
    return {name: build.partition("+")[0] for name, build in builds_of(*distributions).items()}


def builds_of(*distributions: str) -> dict[str, str]:
    """Like `versions_of`, with the local labels of the versions."""
    return {name: _build_of(name) for name in distributions}


@lru_cache  # a study asks hundreds of times, and each look through the installed packages takes milliseconds
def _build_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


# Modules that cannot change an output: they transport bytes that are checked on arrival, count, or watch.
_CARRIERS = (
    "shallowsight.store",
    "shallowsight.observe",
    "shallowsight.cluster",
    "shallowsight.train.efficiency",
    "shallowsight.train.garbage",
    "shallowsight.train.orphans",
    "shallowsight.train.watchdog",
)


@lru_cache
def code_digest(module: str) -> str:
    """A digest over the source of a module of this package and of all modules of it that the module imports.

    Indirect imports count, and so do the packages that contain the modules, because an import runs their
    `__init__.py`. An edit of the report does not change the digest of a trained model, and neither does an edit of
    the modules in _CARRIERS.
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
    for imported in (module.rpartition(".")[0], *_imports_in(text)):
        _collect(imported, sources)


@cache  # the steps share most modules, and to parse them all takes a noticeable part of a second
def _imports_in(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_imports(ast.parse(text))))


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
