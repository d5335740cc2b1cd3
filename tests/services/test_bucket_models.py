"""Towers in a bucket of a real S3 server: the same tower as in a folder, brought once, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import Files, config_of, files_of, pin, texts_of
from shallowsight.model.tower.facts import NOT_READ, describe, outline
from shallowsight.model.tower.loading import load_encoder
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.store.cache import CACHE
from shallowsight.store.objects.objects import Objects
from shallowsight.store.objects.opening import open_objects


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tower(s3: Server, towers: dict[str, Path]) -> Objects:
    """The CLIP, beside things that nobody loads."""
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    for path in towers["clip"].iterdir():
        objects.put_file(path.name, path)
    for name in ("pytorch_model.bin", "README.md", "onnx/model.json"):
        objects.put_bytes(name, b"not loaded")
    return objects


def test_the_same_facts_as_of_a_folder(tower: Objects, towers: dict[str, Path]) -> None:
    found, local = describe(tower.url), describe(str(towers["clip"]))
    assert found == local.model_copy(update={"name": tower.url}), "the digest too"
    assert found.in_a_folder and describe(f"{tower.url}/").digest == found.digest


def test_the_same_weights_and_pictures(tower: Objects, towers: dict[str, Path]) -> None:
    import torch
    from PIL import Image

    own, other = load_encoder(tower.url).state_dict(), load_encoder(str(towers["clip"])).state_dict()
    assert own.keys() == other.keys() and all(torch.equal(own[name], other[name]) for name in own)
    picture = Image.new("RGB", (40, 30), (200, 10, 90))
    pixels = [PictureProcessor(name, 28, "crop")([picture]) for name in (tower.url, str(towers["clip"]))]
    assert torch.equal(*pixels)


def test_only_what_is_loaded_is_brought_and_only_once(tower: Objects, proxy: FaultyProxy, cache: Path) -> None:
    folder = Path(files_of("vision.tower", tower.url, None).place)
    assert folder.is_relative_to(cache)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "preprocessor_config.json",
    ]  # fmt: skip
    asked = len(proxy.requests)
    assert files_of("vision.tower", tower.url, None) == Files(str(folder), None)
    assert {path.partition("?")[1] for _, path in proxy.requests[asked:]} == {"?"}, "listings alone"


def fetched(proxy: FaultyProxy, asked: int) -> set[str]:
    """Names of the objects that were read since so many requests."""
    return {path.rpartition("/")[2] for method, path in proxy.requests[asked:] if method == "GET" and "?" not in path}


def test_the_configuration_alone_is_fetched_where_it_is_enough(tower: Objects, proxy: FaultyProxy) -> None:
    asked = len(proxy.requests)
    found = outline(tower.url)
    assert fetched(proxy, asked) == {"config.json"}
    assert found == describe(tower.url).model_copy(update={"digest": NOT_READ, "revision": NOT_READ})


def test_no_weights_are_fetched_for_a_tokenizer(tower: Objects, proxy: FaultyProxy) -> None:
    pinned = describe(tower.url).revision
    asked = len(proxy.requests)
    texts_of("vision.tower", tower.url, pinned)
    assert fetched(proxy, asked) == {"config.json", "preprocessor_config.json"}


def spoil(name: str) -> Callable[[Objects], None]:
    """One bit more or less at the end of an object, in which JSON has a line feed."""

    def change(objects: Objects) -> None:
        data = bytearray(objects.get_bytes(name) or b"\0")
        data[-1] ^= ord("\n") ^ ord(" ")
        objects.put_bytes(name, bytes(data))

    return change


CHANGES = [
    pytest.param(spoil("model.safetensors"), id="weights"),
    pytest.param(spoil("config.json"), id="configuration"),
    pytest.param(spoil("preprocessor_config.json"), id="processor"),
    pytest.param(spoil("tokenizer.json"), id="a file more"),
    pytest.param(lambda objects: objects.delete("generation_config.json"), id="a file less"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_after_the_study_began_is_not_loaded(tower: Objects, change: Callable[[Objects], None]) -> None:
    tower.put_bytes("generation_config.json", b"{}")
    before = describe(tower.url)
    load_encoder(tower.url, before.revision)
    change(tower)
    assert describe(tower.url).digest != before.digest
    changed = "vision.tower: the model 's3://.*' changed after the study began; run the same command again"
    with pytest.raises(ConfigurationError, match=changed):
        load_encoder(tower.url, before.revision)


def test_names_of_other_places_are_left_alone(tmp_path: Path) -> None:
    assert files_of("vision.tower", "openai/clip", "c0ffee") == Files("openai/clip", "c0ffee")
    assert files_of("vision.tower", str(tmp_path), None) == Files(str(tmp_path), None)


REFUSALS = [
    pytest.param(lambda o: o.delete("config.json"), r"no s3://\S+/config.json; save the model there", id="no config"),
    pytest.param(lambda o: o.put_bytes("config.json", b"{"), r"s3://\S+/config.json is not JSON", id="broken config"),
    pytest.param(lambda o: o.delete("model.safetensors"), r"no .safetensors file in s3://", id="no weights"),
]


@pytest.mark.parametrize(("spoil", "says"), REFUSALS)
def test_a_tower_is_refused(tower: Objects, spoil: Callable[[Objects], object], says: str) -> None:
    spoil(tower)
    with pytest.raises(ConfigurationError, match=f"vision.tower: {says}"):
        describe(tower.url)


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param(f"s3://{BUCKET}/none", f"there is no s3://{BUCKET}/none; look at the path", id="prefix"),
        pytest.param("s3://no-such-bucket-here/x", "there is no such bucket", id="bucket"),
        pytest.param("s3://", "write s3://bucket", id="no name"),
    ],
)
def test_a_url_without_a_model_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"language.model: .*{says}"):
        pin("language.model", url, None, "scratch")
    with pytest.raises(ConfigurationError, match=f"^language.model: .*{says.replace('/none;', '/none/config.json;')}"):
        config_of("language.model", url, None, "scratch")


def test_a_copy_that_somebody_removed(tower: Objects) -> None:
    folder = Path(files_of("vision.tower", tower.url, None).place)
    shutil.rmtree(folder)
    assert Path(files_of("vision.tower", tower.url, None).place, "config.json").is_file()
