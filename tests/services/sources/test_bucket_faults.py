"""Data that change while they are brought, a store that goes away, and a disk without room."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bucket_data import data_in, flip, resolved_in
from faulty_proxy import FaultyProxy
from tiny import Prepared

from shallowsight.data import bucket
from shallowsight.data.own_files import require_files
from shallowsight.data.sources import collect_sources
from shallowsight.errors import ShallowsightError, StoreUnavailable
from shallowsight.steps import prepare_data
from shallowsight.store.cells import prepare_cell
from shallowsight.store.objects import patience
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.store import Store


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True])
def test_a_change_between_resolving_and_preparing(enough: Objects, tmp_path: Path, gone: bool) -> None:
    resolved, store = resolved_in(enough.url), Store(tmp_path / "study")
    enough.delete("images/3.png") if gone else enough.put_bytes("images/3.png", enough.get_bytes("images/4.png") or b"")
    with pytest.raises(ShallowsightError, match="the data changed while it was read; run the same command again"):
        prepare_data(resolved, store)
    assert not store.is_whole(prepare_cell(resolved))
    prepare_data(resolved_in(enough.url), store)


@pytest.mark.parametrize(
    ("change", "large", "says"),
    [
        pytest.param(
            lambda o: o.delete("images/3.png"), False, "was deleted or changed since it was listed", id="gone"
        ),
        pytest.param(
            lambda o: flip(o, "images/3.png"), False, "was deleted or changed since it was listed", id="changed"
        ),
        pytest.param(lambda o: o.delete("images/3.png"), True, "is missing", id="a large one is gone"),
    ],
)
def test_a_picture_that_changes_while_they_are_brought(
    here: Objects,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    change: Callable[[Objects], object],
    large: bool,
    says: str,
) -> None:
    listed = bucket._found

    def then_one_changes(url: str, keys: list[str]) -> object:
        found = listed(url, keys)
        change(here)
        return found

    monkeypatch.setattr(bucket, "_found", then_one_changes)
    if large:
        monkeypatch.setattr(bucket, "_LARGE", 0)
    with pytest.raises(
        ShallowsightError, match=rf"the data changed while it was read: .*images/3.png {says}; run the same command"
    ):
        collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)


def test_a_disk_without_room_for_the_pictures_is_refused(
    here: Objects, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For the pictures and the shards that they are packed into."""
    data = data_in(here.url)
    require_files(data)  # the records are here already
    usage, size = shutil.disk_usage(tmp_path), sum(p.stat().st_size for p in (prepared.files / "images").iterdir())
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=2 * size - 1))
    with pytest.raises(ShallowsightError, match=r"the pictures of s3://.*, and the shards .* need .* GB, .* make room"):
        collect_sources(data, tmp_path / "work", lambda *_: None)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=2 * size))
    collect_sources(data, tmp_path / "other", lambda *_: None)


def test_a_store_that_comes_back(
    here: Objects, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    proxy.first(5, "SlowDown 503", part=".png")
    (source,) = collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)["test"]
    assert len(list(source.images.iterdir())) == 14


@pytest.mark.slow
def test_a_store_that_stays_away(
    here: Objects, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(bucket, "open_objects", lambda url: open_objects(url, patience=0.2))
    proxy.rule = lambda method, path: "drop" if ".png" in path else None
    with pytest.raises(StoreUnavailable, match="is not available"):
        collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)
