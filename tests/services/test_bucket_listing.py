"""What lies below a URL: every object once, with a stamp that stands for its content, in a folder and in a bucket."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.errors import StoreUnavailable
from shallowsight.store.objects import patience
from shallowsight.store.objects.objects import Objects, Stamp
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.objects.s3 import bucket as s3_bucket
from shallowsight.store.objects.s3.connection import connect
from shallowsight.store.objects.s3.endpoint import Endpoint

KEYS = ["a b+c%20\u00fc&<>\"'.png", "w/..hid", "w/deep/x.png", "w/x.png", "wx.png"]


@pytest.fixture
def filled(objects: Objects) -> Objects:
    for key in KEYS:
        objects.put_bytes(key, key.encode())
    return objects


def test_every_object_with_its_size(filled: Objects) -> None:
    listed = dict(filled.stamps())
    assert sorted(listed) == sorted(KEYS)
    assert {key: stamp.size for key, stamp in listed.items()} == {key: len(key.encode()) for key in KEYS}
    assert {key: stamp.version for key, stamp in listed.items()} == {
        key: (filled.version(key) or (b"", ""))[1] for key in KEYS
    }


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        pytest.param("w/", ["w/..hid", "w/deep/x.png", "w/x.png"], id="folder"),
        pytest.param("w", ["w/..hid", "w/deep/x.png", "w/x.png", "wx.png"], id="characters"),
        pytest.param("w/x.png", ["w/x.png"], id="one"),
        pytest.param("none", [], id="none"),
    ],
)
def test_a_prefix(filled: Objects, prefix: str, keys: list[str]) -> None:
    assert [key for key, _ in filled.stamps(prefix)] == keys


def test_the_stamp_stands_for_the_content(filled: Objects) -> None:
    def stamp() -> Stamp:
        return dict(filled.stamps())["wx.png"]

    before = stamp()
    filled.put_bytes("wx.png", b"xw.png")
    assert stamp() != before and stamp().size == before.size
    filled.put_bytes("wx.png", b"wx.png")
    assert stamp() == before


def test_a_folder_that_was_made_in_a_console_is_nothing(s3: Server) -> None:
    prefix = uuid4().hex
    client = connect(Endpoint.from_environment(), BUCKET, 30)
    client.put_object(BUCKET, f"{prefix}/made/", BytesIO(b""), 0)
    assert [each.object_name for each in client.list_objects(BUCKET, f"{prefix}/", recursive=True)], "it is listed"
    assert list(open_objects(f"s3://{BUCKET}/{prefix}").stamps()) == []


def test_a_whole_bucket(s3: Server) -> None:
    key = f"{uuid4().hex}/x"
    open_objects(f"s3://{BUCKET}").put_bytes(key, b"x")
    assert key in dict(open_objects(f"s3://{BUCKET}").stamps())


@pytest.fixture
def pages(s3: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ten objects at three a page; names whose order differs between characters and folders."""
    monkeypatch.setattr(s3_bucket, "_PAGE", 3)
    url = f"s3://{BUCKET}/{uuid4().hex}"
    objects = open_objects(url)
    for number in range(5):
        objects.put_bytes(f"p/{number}", b"x")
        objects.put_bytes(f"p-{number}/y", b"x")
    return url


def test_pages_leave_nothing_out(pages: str) -> None:
    keys = [key for key, _ in open_objects(pages).stamps()]
    assert sorted(keys) == sorted([*(f"p/{n}" for n in range(5)), *(f"p-{n}/y" for n in range(5))])


@pytest.mark.parametrize("count", [2, 3, 6])
def test_pages_that_are_just_full(s3: Server, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(s3_bucket, "_PAGE", 3)
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for number in range(count):
        objects.put_bytes(str(number), b"x")
    assert len(list(objects.stamps())) == count


@pytest.mark.slow
def test_more_objects_than_a_server_lists_at_once(s3: Server) -> None:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: objects.put_bytes(f"{number:05}", b"x"), range(2101)))
    assert [key for key, _ in objects.stamps()] == [f"{number:05}" for number in range(2101)]


@pytest.mark.parametrize("fault", ["SlowDown 503", "drop", "half"])
def test_a_lost_answer_costs_one_page(
    pages: str, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    listed = open_objects(pages).stamps()
    first = [next(listed) for _ in range(3)]
    asked = len(proxy.requests)
    proxy.first(1, fault)
    rest = list(listed)
    assert len({key for key, _ in (*first, *rest)}) == 10
    # The page that was lost twice, and the two after it; each may need one more request to see its end.
    assert len(proxy.requests) - asked <= 6


def test_a_server_that_stays_away(proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_FIRST_PAUSE", 0.01)
    objects = open_objects(f"s3://{BUCKET}", patience=0.2)
    proxy.rule = lambda method, path: "drop"
    with pytest.raises(StoreUnavailable, match=f"store s3://{BUCKET} at .* is not available: list 'x' failed"):
        list(objects.stamps("x"))
