"""What a digest sees, and what it must not see."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from shallowsight.store import digest
from shallowsight.store.digest import builds_of, code_digest, digest_of, file_sha256, versions_of

Package = Callable[[dict[str, str]], None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"a": 1}, {"a": 2}, id="value"),
        pytest.param({"a": 1}, {"b": 1}, id="key"),
        pytest.param({"a": 1}, {"a": "1"}, id="type"),
        pytest.param([1, 2], [2, 1], id="order of a list"),
        pytest.param(["ab", "c"], ["a", "bc"], id="where texts end"),
        pytest.param({"a": None}, {}, id="null is not absent"),
        pytest.param(1e-3, 1.1e-3, id="fraction"),
    ],
)
def test_digests_differ(one: object, other: object) -> None:
    assert digest_of(one) != digest_of(other)


def test_digests_ignore_the_order_of_keys_and_tuple_or_list() -> None:
    assert digest_of({"a": 1, "b": (2, 3)}) == digest_of({"b": [2, 3], "a": 1})


def test_a_digest_is_known() -> None:
    # sha256 of {"a":1}, by hand; a change of form would make every finished study stale.
    assert digest_of({"a": 1}) == "015abd7f5cc57a2d"


def test_file_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_versions_drop_the_build_label(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "gone":
            raise PackageNotFoundError
        return "2.13.0+cpu" if name == "torch" else "1.2"

    monkeypatch.setattr(digest, "version", version)
    digest._build_of.cache_clear()
    assert versions_of("torch", "gone", "x") == {"torch": "2.13.0", "gone": "not installed", "x": "1.2"}
    assert builds_of("torch") == {"torch": "2.13.0+cpu"}
    digest._build_of.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """A package of the same name as ours, written anew with each call."""
    root = tmp_path / "shallowsight"

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        code_digest.cache_clear()

    monkeypatch.setattr(digest, "PACKAGE", root)
    yield write
    code_digest.cache_clear()


FILES = {
    "__init__.py": "",
    "model/__init__.py": "",
    "model/a.py": "import os\nfrom shallowsight.model import b\nfrom shallowsight.c import thing\n",
    "model/b.py": "import shallowsight.model.a\nfrom shallowsight.store.far import away\n",  # a circle
    "c.py": "def thing():\n    from shallowsight.d import late\n    import torch\n",
    "d.py": "late = 1\n",
    "data/__init__.py": "",
    "data/e.py": "e = 1\n",
    "store/__init__.py": "",
    "store/far.py": "away = 1\n",
    "report/__init__.py": "",
    "report/page.py": "from shallowsight.model import a\n",
}


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        pytest.param("model/a.py", True, id="itself"),
        pytest.param("model/b.py", True, id="from package import module"),
        pytest.param("c.py", True, id="from module import name"),
        pytest.param("d.py", True, id="imported inside a function, of an import"),
        pytest.param("model/__init__.py", True, id="the package that holds it"),
        pytest.param("report/page.py", False, id="a module that imports it"),
        pytest.param("data/e.py", False, id="a module nobody imports"),
        pytest.param("store/far.py", False, id="a carrier of bytes"),
    ],
)
def test_code_digest_follows_imports(package: Package, edited: str, changes: bool) -> None:
    package(FILES)
    before = code_digest("shallowsight.model.a")
    package(FILES | {edited: FILES[edited] + "# edited\n"})
    assert (code_digest("shallowsight.model.a") != before) is changes
    package(FILES)
    assert code_digest("shallowsight.model.a") == before


def test_trained_models_do_not_depend_on_the_report() -> None:
    sources: dict[str, str] = {}
    digest._collect("shallowsight.train.stage", sources)
    assert {"shallowsight.train.engine", "shallowsight.model.vlm", "shallowsight.data.order"} <= set(sources)
    assert not [
        name
        for name in sources
        if ".report" in name
        or ".cli" in name
        or name.startswith(("shallowsight.store", "shallowsight.observe", "shallowsight.cluster"))
    ]


def test_every_import_of_the_package_is_absolute() -> None:
    """code_digest reads absolute imports only."""
    files = list(digest.PACKAGE.rglob("*.py"))
    assert len(files) > 50
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{file}:{node.lineno}"  # type: ignore[attr-defined]


def test_equal_in_every_process() -> None:
    program = (
        "from shallowsight.store.digest import code_digest, digest_of\n"
        "print(digest_of({'b': [1, 'x'], 'a': {'z': None, 'y': 0.1}}), code_digest('shallowsight.data.prepare'))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, cwd in (("1", "/"), ("2", "/tmp"))
    }
    here = f"{digest_of({'a': {'y': 0.1, 'z': None}, 'b': [1, 'x']})} {code_digest('shallowsight.data.prepare')}\n"
    assert outputs == {here}
