"""A tower that is named by an id of the hub: pinned to a commit, and refused when its files will not do."""

import shutil
import sys
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.model.files import pinned
from shallowsight.model.tower.facts import describe


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, towers: dict[str, Path], tmp_path: Path) -> list[tuple[str, str | None]]:
    """A hub that has openai/clip at commit c0ffee; returns what was asked of it."""
    asked: list[tuple[str, str | None]] = []
    snapshot = tmp_path / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    shutil.copy(towers["clip"] / "config.json", snapshot)

    def file(repo: str, name: str, revision: str | None) -> Path:
        asked.append((repo, revision))
        if repo != "openai/clip":
            raise ConfigurationError(f"the hub has no {name} of {repo!r}")
        return snapshot / name

    monkeypatch.setattr(pinned, "hub_file", file)
    monkeypatch.setattr(pinned, "hub_names", lambda model, commit: None)
    return asked


@pytest.mark.parametrize("revision", [None, "main"])
def test_a_hub_id_is_pinned_to_a_commit(hub: list[tuple[str, str | None]], revision: str | None) -> None:
    facts = describe("openai/clip", revision)
    assert facts.digest == "hub:openai/clip@c0ffee" and facts.depth == 4
    assert hub == [("openai/clip", revision)]


@pytest.mark.usefixtures("hub")
def test_a_hub_id_that_cannot_be_read() -> None:
    with pytest.raises(ConfigurationError) as refused:
        describe("nobody/nothing")
    assert str(refused.value) == "vision.tower: the hub has no config.json of 'nobody/nothing'"


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            {"config.json", "pytorch_model.bin"},
            "vision.tower: no .safetensors file in openai/clip, but pytorch_model.bin, which is not loaded, as a "
            "pickle can run code; load it once and save it with save_pretrained of transformers, "
            "which writes safetensors; or name the hub's own conversion, where there is one: "
            "vision.revision=refs/pr/NUMBER",
        ),
        ({"config.json", "model.safetensors"}, "vision.tower: no openai/clip/preprocessor_config.json, which says how"),
    ],
)
def test_a_hub_id_whose_files_will_not_do(names: set[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "hub_names", lambda model, commit: frozenset(names))
    with pytest.raises(ConfigurationError) as refused:
        describe("openai/clip")
    assert str(refused.value).startswith(says)


def test_small_files_of_the_hub_are_fetched(
    hub: list[tuple[str, str | None]], towers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = frozenset({"config.json", "model.safetensors", "preprocessor_config.json"})
    monkeypatch.setattr(pinned, "hub_names", lambda model, commit: names)

    def file(repo: str, name: str, revision: str | None) -> Path:
        hub.append((name, revision))
        return Path(shutil.copy(towers["clip"] / name, tmp_path / "snapshots" / "c0ffee"))

    monkeypatch.setattr(pinned, "hub_file", file)
    describe("openai/clip")
    assert hub == [("config.json", None), ("preprocessor_config.json", "c0ffee")]


def test_the_hub_package_is_named_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackage, match=r"huggingface-hub.*shallowsight\[models\]"):
        describe("openai/clip")
