"""Towers in a bucket of a real S3 server: the same tower as in a folder, brought once, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server

from shallowsight.assets.pinned import files_of, pin
from shallowsight.assets.towers import PictureProcessor, describe, load_encoder
from shallowsight.errors import ConfigurationError
from shallowsight.services.cache import CACHE
from shallowsight.services.objects import Objects, open_objects


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
    folder = Path(files_of("vision.tower", tower.url))
    assert folder.is_relative_to(cache)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "model.safetensors", "preprocessor_config.json",
    ]  # fmt: skip
    asked = len(proxy.requests)
    assert files_of("vision.tower", tower.url) == str(folder)
    assert {path.partition("?")[1] for _, path in proxy.requests[asked:]} == {"?"}, "listings alone"


def test_other_weights_have_another_digest(tower: Objects) -> None:
    before = describe(tower.url).digest
    data = bytearray(tower.get_bytes("model.safetensors") or b"")
    data[-1] ^= 1
    tower.put_bytes("model.safetensors", bytes(data))
    assert describe(tower.url).digest != before


def test_names_of_other_places_are_left_alone(tmp_path: Path) -> None:
    assert files_of("vision.tower", "openai/clip") == "openai/clip"
    assert files_of("vision.tower", str(tmp_path)) == str(tmp_path)


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
def test_a_place_that_is_none(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"language.model: .*{says}"):
        pin("language.model", url, None, "scratch")


def test_a_copy_that_somebody_removed(tower: Objects) -> None:
    folder = Path(files_of("vision.tower", tower.url))
    shutil.rmtree(folder)
    assert Path(files_of("vision.tower", tower.url), "config.json").is_file()
