"""Copies of objects on this machine: whole or not at all, made once for each content, and never of anything else."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError, CorruptOutput, ShallowsightError
from shallowsight.store import copies
from shallowsight.store.cache import CACHE
from shallowsight.store.copies import bring, copy_of_file, copy_of_folder, room_for
from shallowsight.store.objects.objects import Objects


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def filled(objects: Objects) -> Objects:
    for key in ("data/train.json", "data/train.json.bak", "data/more/x.txt", "other.txt"):
        objects.put_bytes(key, key.encode())
    return objects


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys that were brought here, each time."""
    keys: list[str] = []

    def watch(objects: Objects, key: str, to: Path) -> None:
        keys.append(key)
        bring(objects, key, to)

    monkeypatch.setattr(copies, "bring", watch)
    return keys


def test_a_file_alone(filled: Objects, fetched: list[str]) -> None:
    copy = copy_of_file(f"{filled.url}/data/train.json")
    assert copy.name == "train.json" and copy.read_text() == "data/train.json"
    assert fetched == ["train.json"]


def test_a_folder_without_what_is_not_wanted(filled: Objects) -> None:
    copy = copy_of_folder(f"{filled.url}/data/", lambda key: not key.endswith(".bak"))
    assert sorted(str(p.relative_to(copy)) for p in copy.rglob("*") if p.is_file()) == ["more/x.txt", "train.json"]


def test_equal_content_is_brought_once(filled: Objects, fetched: list[str]) -> None:
    url = f"{filled.url}/data/train.json"
    first = copy_of_file(url)
    assert copy_of_file(url) == first and fetched == ["train.json"]
    filled.put_bytes("data/train.json", b"changed")
    assert copy_of_file(url).read_bytes() == b"changed" and first.read_text() == "data/train.json"
    filled.put_bytes("data/train.json", b"data/train.json")
    assert copy_of_file(url) == first and len(fetched) == 2


def test_those_who_come_at_once_bring_it_once(filled: Objects, fetched: list[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(copy_of_file, [f"{filled.url}/data/train.json"] * 4))
    assert len(set(found)) == 1 and fetched == ["train.json"]


@pytest.mark.parametrize("name", ["data/none.json", "data", "data/", "data/train", "none/"])
def test_what_is_not_there(filled: Objects, name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"^there is no {filled.url}/{name}; look at the path, capitals count"
    ):
        copy_of_file(f"{filled.url}/{name}")


def test_an_interrupted_copy_is_none(filled: Objects, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(objects: Objects, key: str, to: Path) -> None:
        bring(objects, key, to)
        if key == "more/x.txt":
            raise KeyboardInterrupt

    monkeypatch.setattr(copies, "bring", half)
    with pytest.raises(KeyboardInterrupt):
        copy_of_folder(f"{filled.url}/data", lambda key: True)
    assert [p for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock"] == []
    monkeypatch.setattr(copies, "bring", bring)
    assert (copy_of_folder(f"{filled.url}/data", lambda key: True) / "train.json").is_file()


def cut(copy: Path) -> None:
    copy.write_bytes(b"data")


@pytest.mark.parametrize("spoil", [cut, Path.unlink], ids=["cut", "removed"])
def test_a_copy_that_lost_something_is_made_anew(
    filled: Objects, fetched: list[str], spoil: Callable[[Path], None]
) -> None:
    copy = copy_of_file(f"{filled.url}/data/train.json")
    spoil(copy)
    assert copy_of_file(f"{filled.url}/data/train.json").read_text() == "data/train.json"
    assert len(fetched) == 2


def test_what_killed_processes_left_is_removed(filled: Objects, cache: Path) -> None:
    copy = copy_of_file(f"{filled.url}/data/train.json").parent
    shutil.rmtree(copy)
    left, other = copy.with_name(f".{copy.name}-a1b2"), copy.with_name(".0123456789abcdef-a1b2")
    for aside in (left, other):
        (aside / "new").mkdir(parents=True)
    copy_of_file(f"{filled.url}/data/train.json")
    assert not left.exists() and other.exists(), "somebody may be at work on another one"


def test_a_copy_is_on_the_disk_before_it_has_its_name(
    filled: Objects, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []

    def watch(path: Path) -> None:
        assert path.exists()
        synced.append(path)

    monkeypatch.setattr(copies, "sync", watch)
    copy = copy_of_file(f"{filled.url}/data/train.json")
    assert [path.name for path in synced] == ["train.json", "new", "copies"]
    assert synced[0].parent != copy.parent and not synced[0].exists()


def test_a_change_while_it_is_brought(filled: Objects, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changing(objects: Objects, key: str, to: Path) -> None:
        bring(objects, key, to)
        objects.put_bytes(key, b"newer")

    monkeypatch.setattr(copies, "bring", changing)
    with pytest.raises(ShallowsightError, match=r"data/train.json changed while it was read; run the same command"):
        copy_of_file(f"{filled.url}/data/train.json")
    assert [p for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


def test_bring_what_is_gone(filled: Objects, tmp_path: Path) -> None:
    with pytest.raises(CorruptOutput, match=r"none\.txt is missing"):
        bring(filled, "none.txt", tmp_path / "x" / "none.txt")


def test_room(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(ShallowsightError, match=rf"^they need .* GB, the disk of {tmp_path} has .* left; make room"):
        with room_for("they", free * 2, tmp_path):
            raise AssertionError("it was let in")


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    def write() -> None:
        with open("/dev/full", "wb") as full:
            full.write(b"x" * 10_000)

    with pytest.raises(
        ShallowsightError, match=r"^they cannot be written below .*: No space left on device; make room, or choose"
    ):
        with room_for("they", 1, tmp_path):
            write()


def test_no_room_for_a_copy(filled: Objects, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(cache.parent)
    full: Callable[[Path], object] = lambda _: usage._replace(free=3)  # noqa: E731
    monkeypatch.setattr(copies.shutil, "disk_usage", full)
    with pytest.raises(ShallowsightError, match=r"the files of \S+/data/train.json need .* left"):
        copy_of_file(f"{filled.url}/data/train.json")
