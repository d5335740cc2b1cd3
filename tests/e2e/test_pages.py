"""The pages against what there is: a command, an option, a key or a file that is renamed or new has to be looked at."""

import ast
import importlib.util
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from page_commands import BENCHMARKS, NOT_TESTED, TESTED
from page_programs import names_of_ours, options_of_ours, require_understood
from pages import PAGES, ROOT, commands, spans, whole_text, without_variables, words_of

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import STUDIES
from shallowsight.study.overrides import load_study

COMMANDS = commands()
PLACEHOLDERS = {"key=value", "k=v"}
OF_OTHERS = {"--network": "of docker and podman", "--help": "every command has it"}
# Code in the pages that looks like a file or a folder of the repository, and is none.
NOT_OF_THE_REPOSITORY = {
    "manifests/overlays/mine/kustomization.yaml": "the user writes it",
    "answers/": "of a study folder",
    "pictures/": "of a study folder",
    "metrics/": "of a study folder",
    "report/": "of a study folder",
    "site/": "made by make docs",
    "training_state/": "of a study folder",
}


def test_every_command_is_decided_upon() -> None:
    written = {without_variables(code.text) for code in COMMANDS}
    undecided = sorted(written - set(TESTED) - set(NOT_TESTED) - BENCHMARKS)
    assert not undecided, f"say in page_commands.py how these are tested: {undecided}"
    gone = sorted((set(TESTED) | set(NOT_TESTED) | BENCHMARKS) - written)
    assert not gone, f"no page has these any more: {gone}"
    assert not set(TESTED) & set(NOT_TESTED)


@pytest.mark.parametrize("test", sorted(set(TESTED.values())))
def test_tests_that_are_named_exist(test: str) -> None:
    file, _, name = test.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        assert name in [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    else:
        assert name in text.splitlines()


@pytest.mark.parametrize("command", NOT_TESTED)
def test_what_is_not_tested_says_so_once(command: str) -> None:
    around = [" ".join(code.around.split()) for code in COMMANDS if without_variables(code.text) == command]
    assert any(f"not tested here: {NOT_TESTED[command]}" in text for text in around)


def test_benchmarks_are_said_to_be_not_tested() -> None:
    (around,) = [code.around for code in COMMANDS if code.text == "python -m benchmarks..."]
    assert "take minutes: not tested here" in " ".join(around.split())


@pytest.mark.parametrize("command", sorted({code.text for code in COMMANDS} - {"python -m benchmarks..."}))
def test_options_and_targets_exist(command: str) -> None:
    require_understood(command)


def options() -> list[str]:
    return sorted({code.text for code in spans() if code.text.startswith("--")})


@pytest.mark.parametrize("text", options())
def test_options_in_running_text_exist(text: str) -> None:
    assert {word for word in words_of(text) if word.startswith("--")} <= options_of_ours() | set(OF_OTHERS)


def test_every_command_of_ours_is_there() -> None:
    written = " ".join(code.text for code in COMMANDS)
    for name in names_of_ours():
        assert re.search(rf"shallowsight {name}\b", written), f"no page has `shallowsight {name}`"


def overrides() -> list[str]:
    """What the pages give to `--set`, or name as key=value."""
    found = {code.text for code in spans() if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+=\S+", code.text)}
    for code in (*spans(), *COMMANDS):
        words = shlex.split(code.text) if "--set" in code.text else []
        found |= {word.rstrip("]") for before, word in pairwise(words) if before.endswith("--set")}
    return sorted(found - PLACEHOLDERS)


# What the pages give in the same command.
GIVEN_WITH = {"benchmarks=own pope mme": ("data.benchmarks=benchmarks",)}


@pytest.mark.parametrize("word", overrides())
def test_keys_and_values_are_taken(word: str) -> None:
    key = word.partition("=")[0]
    needed = ["finetune.schedule=constant_then_decay"] if key in {"halving.eta", "finetune.part"} else []
    load_study("paper-1.4b", [*needed, word, *GIVEN_WITH.get(word, ())], lambda tower: 24)


@pytest.mark.parametrize(
    "key",
    sorted({c.text for c in spans() if re.fullmatch(r"(data|vision|pretrain|finetune)\.[a-z_.]+(?<!\.json)", c.text)}),
)
def test_keys_exist(key: str) -> None:
    value: object = STUDIES["demo"].base.model_dump()
    for part in key.split("."):
        assert isinstance(value, dict) and part in value, key
        value = value[part]


def test_variables_of_the_environment_exist() -> None:
    named = set(re.findall(r"\b(?:SHALLOWSIGHT|KF_PIPELINES|AWS)_[A-Z_]+[A-Z]\b", whole_text()))
    assert len(named) > 5
    python = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests" / "cluster").rglob("*.py")]
    places = [ROOT / "Makefile", *python, *(ROOT / "images").rglob("*Dockerfile")]
    text = "\n".join(place.read_text(encoding="utf-8") for place in places)
    assert not sorted(name for name in named if not re.search(rf"\b{name}\b", text))


def places() -> list[str]:
    """What is written like a folder, a Python file, or anything below a folder of the repository."""
    tops = "|".join(sorted(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir()))
    form = rf"[\w.-]+(/[\w.-]+)*/|[\w./-]+\.py|({tops})/[\w./-]+"
    return sorted({c.text for c in spans() if re.fullmatch(form, c.text)} - set(NOT_OF_THE_REPOSITORY))


@pytest.mark.parametrize("place", places())
def test_files_and_folders_exist(place: str) -> None:
    """Below the repository or the package."""
    assert (ROOT / place).exists() or (ROOT / "src" / "shallowsight" / place).exists()


def test_the_readme_names_every_package_and_no_other() -> None:
    (table,) = re.findall(r"\| package \|.*?\n\n", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    package = ROOT / "src" / "shallowsight"
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(
        path.parent.name for path in package.glob("*/__init__.py")
    )


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Those of docs/ are checked by mkdocs."""
    found = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert found and not [link for link in found if not (ROOT / link).is_file()]


def test_the_call_of_lmms_eval_is_one() -> None:
    """Carried out by test_lmms_eval_itself_gives_the_same_answers; here are the names of its arguments."""
    (text,) = [code.text for code in spans() if code.text.startswith("lmms_eval.")]
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    module, _, function = ast.unparse(call.func).rpartition(".")
    found = importlib.util.find_spec(module)
    assert found is not None and found.origin is not None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    (defined,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
    assert {word.arg for word in call.keywords} <= {each.arg for each in (*defined.args.args, *defined.args.kwonlyargs)}


def test_a_renamed_option_is_noticed() -> None:
    with pytest.raises(Exception, match="No such option"):
        require_understood("shallowsight study demo --outt x")
    with pytest.raises(AssertionError, match="no such command"):
        require_understood("shallowsight studdy demo")
    with pytest.raises(AssertionError, match="has no --server"):
        require_understood("kubectl apply --serverside -k x")
    with pytest.raises(AssertionError):
        require_understood("make imagess")
    with pytest.raises(AssertionError):
        require_understood("python -m benchmarks.nothing")
    with pytest.raises(ConfigurationError):
        load_study("demo", ["finetune.zeros=3"], lambda tower: 24)
