"""A user's data in a bucket of a real S3 server: what is known of it, how it comes here, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from tiny import Prepared, write_pictures

from shallowsight.data import bucket
from shallowsight.data.own_files import require_files
from shallowsight.data.prepare import prepare
from shallowsight.data.sources import collect_sources, source_facts
from shallowsight.errors import ConfigurationError, DataRefused, ShallowsightError, StoreUnavailable
from shallowsight.steps import prepare_data, resolve_study
from shallowsight.store.cache import CACHE
from shallowsight.store.cells import prepare_cell
from shallowsight.store.digest import file_sha256
from shallowsight.store.objects import patience
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.opening import open_store
from shallowsight.store.store import Store
from shallowsight.study.data import Data
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved, SourceFacts


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def upload(folder: Path, objects: Objects) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put_file(path.relative_to(folder).as_posix(), path)


@pytest.fixture
def here(s3: Server, prepared: Prepared) -> Objects:
    """The bucket with the data of `prepared`: train.json, test.json and images/."""
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    upload(prepared.files, objects)
    return objects


def data_in(url: str) -> Data:
    return Data(pretrain=(), finetune=(f"{url}/train.json",), test=(f"{url}/test.json",), images=f"{url}/images")


def experiment_in(url: str, small: Callable[..., Experiment]) -> Experiment:
    return small().model_copy(update={"data": data_in(url)})


def facts(url: str) -> SourceFacts:
    return source_facts(f"{url}/train.json", data_in(url))


def outputs(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_sha256(p) for p in folder.rglob("*") if p.is_file()}


def prepared_from(experiment: Experiment, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    prepare(experiment, out, tmp_path / "work", tmp_path / "verdicts", None, lambda *_: None)
    return out


def test_the_same_outputs_as_from_a_folder(
    here: Objects, prepared: Prepared, small: Callable[..., Experiment], tmp_path: Path
) -> None:
    found = outputs(prepared_from(experiment_in(here.url, small), tmp_path))
    assert found == outputs(prepared.folder) and len(found) > 8


def test_facts(here: Objects, prepared: Prepared) -> None:
    local = source_facts(str(prepared.files / "train.json"), prepared.experiment.data)
    found = facts(here.url)
    assert (found.train_rows, found.test_rows, found.images) == (local.train_rows, local.test_rows, local.images)


def test_the_place_does_not_count(here: Objects, prepared: Prepared) -> None:
    there = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    upload(prepared.files, there)
    assert facts(there.url) == facts(here.url)


def flip(objects: Objects, key: str) -> None:
    """Other content of the same size."""
    data = bytearray(objects.get_bytes(key) or b"")
    data[-1] ^= 1
    objects.put_bytes(key, bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda o: flip(o, "images/3.png"), id="a bit of a picture"),
        pytest.param(lambda o: o.put_bytes("images/3.png", o.get_bytes("images/4.png")), id="a picture"),
        pytest.param(lambda o: o.delete("images/3.png"), id="a picture is gone"),
        pytest.param(lambda o: o.put_bytes("train.json", o.get_bytes("train.json") + b" "), id="the records"),
    ],
)
def test_content_counts(here: Objects, change: Callable[[Objects], object]) -> None:
    before = facts(here.url)
    change(here)
    assert facts(here.url).digest != before.digest


def test_a_picture_nobody_names_does_not_count(here: Objects) -> None:
    before = facts(here.url)
    here.put_bytes("images/3.png.bak", b"x")
    assert facts(here.url) == before


def test_no_picture_is_read_while_facts_are_found(here: Objects, proxy: FaultyProxy) -> None:
    facts(here.url)
    assert proxy.count("GET", ".png") == proxy.count("HEAD", ".png") == 0
    assert proxy.count("GET", "list-type") > 0


def test_what_the_files_name_is_brought_and_nothing_else(here: Objects, tmp_path: Path) -> None:
    here.put_bytes("images/not-named.png", b"x")
    seen: list[tuple[str, int, int]] = []
    found = collect_sources(data_in(here.url), tmp_path / "work", lambda *said: seen.append(said))
    (train,), (test,) = found["finetune"], found["test"]
    assert found["pretrain"] == [train] and train.images == test.images and train.group == test.group == "files"
    assert (train.file.name, test.file.name) == ("train.json", "test.json")
    assert {p.name for p in train.images.iterdir()} == {f"{n}.png" for n in range(14)}
    assert seen[-1] == ("bringing pictures", 14, 14) and len(seen) == 14


def test_a_file_of_pretraining_has_its_own_prefix(here: Objects, prepared: Prepared, tmp_path: Path) -> None:
    here.put_file("captions.json", prepared.files / "test.json")
    for number in range(10, 14):
        here.put_bytes(f"other/{number}.png", b"other")
    data = data_in(here.url).model_copy(
        update={"pretrain": (f"{here.url}/captions.json",), "pretrain_images": f"{here.url}/other"}
    )
    found = collect_sources(data, tmp_path / "work", lambda *_: None)
    (captions,), (test,) = found["pretrain"], found["test"]
    assert (captions.group, test.group) == ("pretrain-files", "files")
    assert {p.read_bytes() for p in captions.images.iterdir()} == {b"other"}
    assert (test.images / "10.png").read_bytes() != b"other"


@pytest.fixture
def enough(here: Objects, prepared: Prepared, tmp_path: Path) -> Objects:
    """Six training pictures more, which the analysis needs."""
    more = write_pictures(tmp_path / "more", 6, first=20)
    for path in (tmp_path / "more").iterdir():
        here.put_file(f"images/{path.name}", path)
    records = json.loads((prepared.files / "train.json").read_text(encoding="utf-8"))
    here.put_bytes("train.json", json.dumps(records + more).encode())
    return here


def resolved_in(url: str) -> Resolved:
    data = {"pretrain": "[]", "finetune": f"{url}/train.json", "test": f"{url}/test.json", "images": f"{url}/images"}
    words = [f"data.{key}={value}" for key, value in data.items()]
    return resolve_study("quick", [*words, "benchmarks=own", "settings=4", "data.max_bad_share=0.5"])


def test_a_study_of_it_is_resolved_and_prepared(enough: Objects, prepared: Prepared, tmp_path: Path) -> None:
    folder = prepare_data(resolved_in(enough.url), Store(tmp_path / "study"))
    assert json.loads((folder / "data.json").read_text())["images"] == 20
    assert not list((tmp_path / "study" / "tmp").iterdir()), "what was brought is gone"


@pytest.mark.slow
def test_a_store_in_a_bucket_takes_it_too(enough: Objects, cache: Path) -> None:
    resolved = resolved_in(enough.url)
    folder = prepare_data(resolved, open_store(f"s3://{BUCKET}/{uuid4().hex}"))
    assert folder.is_relative_to(cache) and (folder / "images.jsonl").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True])
def test_a_change_between_resolving_and_preparing(enough: Objects, tmp_path: Path, gone: bool) -> None:
    resolved, store = resolved_in(enough.url), Store(tmp_path / "study")
    enough.delete("images/3.png") if gone else enough.put_bytes("images/3.png", enough.get_bytes("images/4.png") or b"")
    with pytest.raises(ShallowsightError, match="the data changed while it was read; run the same command again"):
        prepare_data(resolved, store)
    assert not store.is_whole(prepare_cell(resolved))
    prepare_data(resolved_in(enough.url), store)


def rows(prepared: Prepared, **names: str) -> bytes:
    """train.json with other names for some pictures."""
    records = json.loads((prepared.files / "train.json").read_text(encoding="utf-8"))
    for record in records:
        if record["id"] in names:
            record["image"] = names[record["id"]]
    return json.dumps(records).encode()


ODD_NAMES = {
    "r0": "../outside.png",
    "r1": "/images/1.png",
    "r2": "gone.png",
    "r3": "https://example.org/3.png",
    "r4": "a\\b.png",
    "r5": "x/../5.png",
    "r6": "",
    "r7": "x" * 300,
}


@pytest.mark.slow
def test_names_that_leave_the_prefix_and_pictures_that_are_not_there(
    here: Objects, prepared: Prepared, small: Callable[..., Experiment], proxy: FaultyProxy, tmp_path: Path
) -> None:
    """The gate says of each what it says in a folder, and nothing outside the prefix is asked for."""
    here.put_bytes("outside.png", (prepared.files / "images" / "0.png").read_bytes())
    here.put_bytes("train.json", rows(prepared, **ODD_NAMES))
    local = Path(shutil.copytree(prepared.files, tmp_path / "local"))
    (local / "train.json").write_bytes(rows(prepared, **ODD_NAMES))
    shutil.copy(local / "images" / "0.png", local / "outside.png")

    def quarantine(data: Data, folder: str) -> list[tuple[str, list[str]]]:
        (tmp_path / folder).mkdir()
        experiment = small().model_copy(update={"data": data.model_copy(update={"max_bad_share": 1.0})})
        found = (prepared_from(experiment, tmp_path / folder) / "validation/files/quarantine.jsonl").read_text()
        return [(row["id"], row["reasons"]) for row in map(json.loads, found.splitlines())]

    in_a_folder = Data(
        pretrain=(), finetune=(f"{local}/train.json",), test=(f"{local}/test.json",), images=f"{local}/images"
    )
    found = quarantine(data_in(here.url), "bucket")
    assert found == quarantine(in_a_folder, "folder")
    assert [name for name, _ in found] == list(ODD_NAMES) and dict(found)["r0"] == ["image_escapes_folder"]
    for part in ("outside", "/5.png"):
        assert proxy.count("GET", part) == proxy.count("HEAD", part) == 0


@pytest.mark.parametrize("name", ["./3.png", ".//3.png", "./3.png/"])
def test_one_picture_by_another_name(here: Objects, prepared: Prepared, tmp_path: Path, name: str) -> None:
    """As in a folder."""
    here.put_bytes("train.json", rows(prepared, r3=name))
    (source,) = collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)["finetune"]
    assert (source.images / name).read_bytes() == (prepared.files / "images" / "3.png").read_bytes()
    assert facts(here.url).images == 10


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


@pytest.mark.slow
def test_large_pictures_come_in_parts(here: Objects, proxy: FaultyProxy, prepared: Prepared, tmp_path: Path) -> None:
    data = (prepared.files / "images" / "3.png").read_bytes() + bytes(9 << 20)
    here.put_bytes("images/3.png", data)
    (source,) = collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)["finetune"]
    assert (source.images / "3.png").read_bytes() == data
    assert (proxy.count("GET", "/3.png"), proxy.count("GET", "/4.png")) == (2, 1)


def test_no_room(here: Objects, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


NOT_THERE = [
    pytest.param({"finetune": "{}/none.json"}, r"data source '.*none.json': there is no s3://", id="no file"),
    pytest.param({"images": "{}/none"}, r"data.images: there is nothing below s3://.*/none; name the", id="no prefix"),
    pytest.param({"pretrain_images": "{}/none"}, r"data.pretrain_images: there is nothing below", id="no other prefix"),
    pytest.param({"finetune": "s3://no-such-bucket-here/a.json"}, "there is no such bucket", id="no bucket"),
    pytest.param(
        {"images": "s3://no-such-bucket-here/a"}, "data.images: .*there is no such bucket", id="no image bucket"
    ),
    pytest.param({"finetune": "s3://"}, "write s3://bucket", id="no name"),
]


@pytest.mark.parametrize(("change", "says"), NOT_THERE)
def test_what_is_not_there(here: Objects, change: dict[str, str], says: str) -> None:
    ((key, text),) = change.items()
    named = text.format(here.url)
    data = data_in(here.url).model_copy(update={key: (named,) if key == "finetune" else named})
    with pytest.raises(ConfigurationError, match=says):
        require_files(data)


def test_a_file_is_called_by_its_url(here: Objects, small: Callable[..., Experiment], tmp_path: Path) -> None:
    """Not by the copy that is read."""
    here.put_bytes("train.json", b"[{]")
    fault = f"data file {here.url}/train.json: it is not JSON after row 0"
    with pytest.raises(ConfigurationError, match=rf"^data source '{here.url}/train.json': {fault}"):
        facts(here.url)
    with pytest.raises(ConfigurationError, match=f"^{fault}"):
        collect_sources(data_in(here.url), tmp_path / "work", lambda *_: None)
    here.put_bytes("train.json", b"[]")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataRefused, match=rf": no row in {here.url}/train.json; add records"):
        prepared_from(experiment_in(here.url, small), tmp_path / "out")


def test_all_is_there(here: Objects) -> None:
    require_files(data_in(here.url))


def test_wrong_keys(here: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(
        ConfigurationError, match=r"data source 's3://.*train.json': .*AWS_SECRET_ACCESS_KEY does not belong"
    ):
        require_files(data_in(here.url))


def test_no_keys_at_all(here: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(ConfigurationError, match=r"data source .*needs AWS_ENDPOINT_URL in the environment"):
        require_files(data_in(here.url))


def test_a_broken_file_is_named_by_its_url(here: Objects) -> None:
    here.put_bytes("train.json", b"[{")
    with pytest.raises(ConfigurationError, match=r"data source 's3://.*/train.json': .* is not JSON"):
        facts(here.url)


def test_no_good_picture_at_all(here: Objects, small: Callable[..., Experiment], tmp_path: Path) -> None:
    for number in range(14):
        here.put_bytes(f"images/{number}.png", b"no picture")
    with pytest.raises(DataRefused, match="14 of 15 rows"):
        prepared_from(experiment_in(here.url, small), tmp_path)
