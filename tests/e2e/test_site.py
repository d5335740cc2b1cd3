"""The pages of docs/ as a site: they build, every link leads somewhere, and reading them needs no network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT
from study_runs import environment

pytestmark = pytest.mark.slow

# What a browser loads by itself, unlike a link that somebody has to follow.
_LOADED = re.compile(r"""<(?:script|img|iframe)\b[^>]*\bsrc=["']?([^"' >]+)|<link\b[^>]*\bhref=["']?([^"' >]+)""")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("Makefile", "mkdocs.yml", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make_docs(folder: Path) -> "subprocess.CompletedProcess[str]":
    """With this environment instead of one that it would set up."""
    if shutil.which("make") is None:
        pytest.skip("no `make` here")
    command = ["make", "--old-file=.venv/.installed", f"BIN={Path(sys.executable).parent}", "docs"]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)


def test_make_docs(copy: Path) -> None:
    done = make_docs(copy)
    assert done.returncode == 0, done.stderr
    pages = {page.stem for page in (copy / "site").glob("*.html")}
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= pages
    for page in (copy / "site").glob("*.html"):
        loaded = [script or style for script, style in _LOADED.findall(page.read_text(encoding="utf-8"))]
        assert loaded and not [place for place in loaded if "//" in place], page.name


@pytest.mark.parametrize("link", ["nothing.md", "data.md#nothing"])
def test_a_broken_link_is_an_error(copy: Path, link: str) -> None:
    with (copy / "docs" / "limits.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[there]({link})\n")
    done = make_docs(copy)
    assert done.returncode != 0 and link in done.stderr


def test_a_page_that_is_not_in_the_contents_is_an_error(copy: Path) -> None:
    (copy / "docs" / "more.md").write_text("# More\n", encoding="utf-8")
    done = make_docs(copy)
    assert done.returncode != 0 and "more.md" in done.stderr
