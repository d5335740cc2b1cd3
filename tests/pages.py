"""README.md, CONTRIBUTING.md and docs/ taken apart: blocks, words in code, commands, and what stands around each."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
# These are written by families_page.py and vision_families_page.py, and compared with what those write.
_WRITTEN = {"language-models.md", "vision-models.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in _WRITTEN),
]
# What begins a command in running text; in a block of `sh` every line is one.
PROGRAMS = ("shallowsight", "make", "kubectl", "python", "pytest", "pip")


@dataclass(frozen=True)
class Code:
    """`around` is its paragraph, its row of a table, or the comments beside it and at the top of its block."""

    text: str
    around: str


def whole_text() -> str:
    """All pages, one after the other."""
    return "\n\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@cache
def tokens() -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(whole_text())


def blocks(language: str) -> list[str]:
    return [token.content for token in tokens() if token.type == "fence" and token.info == language]


def spans() -> list[Code]:
    """Everything `in code` in running text and in tables."""
    return [code for cell in _cells() for code in cell]


def commands() -> list[Code]:
    """Each line of a block of `sh`, and what is a command in running text and in tables."""
    found = [code for block in blocks("sh") for code in _lines(block)]
    for cell in _cells():
        of_ours = False
        for code in cell:
            if of_ours and re.fullmatch(r"[a-z-]+", code.text):
                code = Code(f"shallowsight {code.text}", code.around)
            of_ours = of_ours or code.text.startswith("shallowsight ")
            words = without_variables(code.text).split()
            if len(words) > 1 and words[0] in PROGRAMS:
                found.append(code)
    return found


def without_variables(command: str) -> str:
    """`A=b make x` without what is set for it."""
    return re.sub(r"^(?:[A-Z_]+=\S+ )+", "", command)


def words_of(command: str) -> list[str]:
    """As a shell splits them; what may be left out is there."""
    return shlex.split(command.replace("[", "").replace("]", ""))


def _cells() -> Iterator[list[Code]]:
    row: list[Token] = []
    for token in tokens():
        if token.type == "tr_open":
            row = []
        if token.type == "inline":
            row.append(token)
        if token.type == "tr_close":
            yield from (_coded(cell, " ".join(cell.content for cell in row)) for cell in row)
            row = []
        if token.type.endswith("paragraph_close") or token.type == "heading_close":
            yield from (_coded(cell, cell.content) for cell in row)
            row = []


def _coded(cell: Token, around: str) -> list[Code]:
    return [Code(child.content, around) for child in cell.children or [] if child.type == "code_inline"]


def _lines(block: str) -> Iterator[Code]:
    whole = re.sub(r"([|\\])\n", r"\1", block).splitlines()
    split = [re.fullmatch(r"(.*?)\s*(?:(?<!\S)#\s(.*))?", line) for line in whole]
    parts = [(found[1], found[2] or "") for found in split if found]
    for_all = " ".join(comment for command, comment in parts if not command)
    for command, comment in parts:
        if command:
            yield Code(" ".join(command.split()), f"{comment} {for_all}")
