"""Which module imports what, read from the source; nothing is executed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "shallowsight"


@dataclass(frozen=True)
class Import:
    """`module` as written; `inside` is True within a function body; `for_types` under `if TYPE_CHECKING`."""

    file: Path
    line: int
    module: str
    inside: bool
    for_types: bool

    @property
    def top(self) -> str:
        return self.module.split(".")[0]

    @property
    def where(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    return tuple(_walk(ast.parse(file.read_text(encoding="utf-8")), file, inside=False, for_types=False))


def _walk(node: ast.AST, file: Path, *, inside: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for name in child.names:
                yield Import(file, child.lineno, name.name, inside, for_types)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{file}:{child.lineno}: imports are absolute"
            module = child.module or ""
            # `from package import module` names the module, `from module import thing` does not.
            deeper = [f"{module}.{name.name}" for name in child.names if _is_module(f"{module}.{name.name}")]
            for found in deeper or [module]:
                yield Import(file, child.lineno, found, inside, for_types)
        else:
            within = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            types = for_types or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
            yield from _walk(child, file, inside=within, for_types=types)


def _is_module(name: str) -> bool:
    top, *parts = name.split(".")
    base = {"shallowsight": PACKAGE}.get(top, ROOT / top).joinpath(*parts)
    return bool(parts) and (base.with_suffix(".py").is_file() or (base / "__init__.py").is_file())


def sources(*folders: Path) -> list[Path]:
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert found
    return found


def module_name(file: Path) -> str:
    """`shallowsight.data.order`."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    """The room of the house: a package below `shallowsight`, or the module errors."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else module
