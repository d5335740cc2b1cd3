"""The folder of an export: its card, whole or not at all, never over foreign files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_cells import write_cell
from PIL import Image
from safetensors.torch import load_file

from shallowsight.errors import ConfigurationError
from shallowsight.export import write as writing
from shallowsight.export.cell import TrainedCell
from shallowsight.export.language import is_tied, language_weights, rows_for
from shallowsight.export.pictures import stock_pictures
from shallowsight.export.write import export
from shallowsight.model.checkpoint import load_trained
from shallowsight.model.tower.pictures import PictureProcessor
from shallowsight.study.experiment import Experiment, Vision

SCORE = {"name": "own", "metric": "accuracy", "value": 0.731, "n": 40, "chance": 0.25}


@pytest.fixture(scope="module")
def make(small: Callable[..., Experiment], tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    def cell(**changes: Any) -> Path:
        own = {"vision__normalize": False} | changes
        return write_cell(small(**own), tokenizer, tmp_path_factory.mktemp("cell"))

    return cell


@pytest.fixture(scope="module")
def plain(make: Any) -> Path:
    return Path(make())


def of(folder: Path, towers: dict[str, Path]) -> TrainedCell:
    return TrainedCell(folder, digest="abc", study="mine", tower=str(towers["clip"]), scores=(SCORE,))


def test_card_and_files(plain: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "exported"
    told = export(of(plain, towers), out)
    names = {path.name for path in out.iterdir()}
    assert names >= {"README.md", "config.json", "model.safetensors", "generation_config.json", "processor_config.json"}
    card = (out / "README.md").read_text()
    assert "# mine: setting 2, seed 0" in card and "| own | accuracy | 73.1 % | 40 | 25.0 % |" in card
    assert 'AutoProcessor.from_pretrained("exported")' in card and "LlavaForConditionalGeneration" in card
    assert "vision_feature_layer=2" in card and "layers 1 to 2 of 4" in card
    assert all(f"- {sentence}." in card for sentence in told)
    modes = {path.name: path.stat().st_mode for path in out.iterdir()}
    assert modes["model.safetensors"] == modes["README.md"]
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation["do_sample"] is False and generation["eos_token_id"] == generation["pad_token_id"] == 2
    assert len(json.loads((out / "config.json").read_text())["vision_config"]) > 5


def test_the_tower_is_cut(plain: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    export(of(plain, towers), tmp_path / "exported")
    weights = load_file(tmp_path / "exported" / "model.safetensors")
    layers = {
        name.split("layers.")[1].split(".")[0] for name in weights if "vision_tower" in name and "layers." in name
    }
    assert layers == {"0", "1"}


def test_padding_is_told(make: Any, towers: dict[str, Path], tmp_path: Path) -> None:
    told = export(of(make(finetune__picture="pad"), towers), tmp_path / "exported")
    assert any("padded pictures to a square" in sentence for sentence in told)


REFUSED = [
    pytest.param({"vision__pool": 2}, "vision.pool=2: .* vision.pool=1 and vision.image_size=14", id="pool"),
    pytest.param(
        {"vision__layers": "1,2", "fusion__kind": "concat", "vision__normalize": True}, "several layers", id="list"
    ),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_refused_settings_leave_nothing(
    changes: dict[str, Any], said: str, make: Any, towers: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=f"no stock LLaVA can be this model:\n- .*{said}"):
        export(of(make(**changes), towers), tmp_path / "exported")
    assert list(tmp_path.iterdir()) == []


def test_every_reason_has_a_line_of_its_own(make: Any, towers: dict[str, Path], tmp_path: Path) -> None:
    cell = make(vision__layers="1,2", fusion__kind="scalar-mix-norm", connector__kind="ldp")
    with pytest.raises(ConfigurationError) as refused:
        export(of(cell, towers), tmp_path / "exported")
    first, *reasons = str(refused.value).splitlines()
    assert first == "no stock LLaVA can be this model:"
    assert [reason.partition("=")[0] for reason in reasons] == ["- fusion.kind", "- connector.kind"]


def test_a_language_model_of_another_kind(
    plain: Path, towers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shallowsight.export.language_families.EXACT", ("qwen2",))
    with pytest.raises(ConfigurationError, match=r"language\.model: a stock LLaVA does not compute a 'llama' model"):
        export(of(plain, towers), tmp_path / "exported")


def test_foreign_files_stay(plain: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        ConfigurationError, match=r"the exported model into .*would be deleted: notes\.txt; name a new or empty folder"
    ):
        export(of(plain, towers), tmp_path)
    with pytest.raises(ConfigurationError, match="is a file; name a folder"):
        export(of(plain, towers), tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_users_file_beside_an_earlier_export_stays(plain: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    export(of(plain, towers), tmp_path / "exported")
    (tmp_path / "exported" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"would be deleted: notes\.txt; .*but an earlier exported model"):
        export(of(plain, towers), tmp_path / "exported")
    assert (tmp_path / "exported" / "notes.txt").read_text() == "mine"


def test_an_earlier_export_is_replaced_or_kept(
    plain: Path, towers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "exported"
    export(of(plain, towers), out)
    (out / "README.md").write_text("old")

    def fail(*_: object) -> str:
        raise OSError("no space")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space"):
        broken.setattr(writing, "card", fail)
        export(of(plain, towers), out)
    assert (out / "README.md").read_text() == "old"
    export(of(plain, towers), out)
    assert (out / "README.md").read_text() != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]


def test_a_moved_tower_is_asked_for(plain: Path, towers: dict[str, Path], tmp_path: Path) -> None:
    cell = TrainedCell(plain)
    with pytest.raises(ConfigurationError, match="tower was in a folder; name it: --tower FOLDER"):
        export(cell, tmp_path / "exported")
    with pytest.raises(ConfigurationError, match="has other weights"):
        export(cell, tmp_path / "exported", str(towers["dinov2"]))
    shutil.copytree(towers["clip"], tmp_path / "moved")
    export(cell, tmp_path / "exported", str(tmp_path / "moved"))


@pytest.mark.parametrize("shape", ["stretch", "crop"])
def test_pictures_become_the_same_pixels(shape: Any, towers: dict[str, Path]) -> None:
    vision = Vision(tower=str(towers["clip"]), image_size=28)
    own, stock = PictureProcessor(vision.tower, 28, shape), stock_pictures(vision, shape)
    for size in ((90, 31), (40, 41), (28, 200), (7, 9)):
        picture = Image.effect_noise(size, 80).convert("RGB")
        assert torch.equal(own([picture]), stock(picture, return_tensors="pt")["pixel_values"]), size


def test_the_image_tokens_row_is_never_chosen(plain: Path) -> None:
    """Its logit is the mean of all others, whatever the state."""
    language = load_trained(plain).model.language
    rows = rows_for(language, 300)
    weights, output = language_weights(language, rows)
    assert rows == output.shape[0] == 301 and is_tied(language)
    own = language.get_output_embeddings().weight
    states = torch.randn(1000, own.shape[1], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = states @ output.T
    assert (logits.argmax(-1) < own.shape[0]).all()
    assert torch.equal(output[: own.shape[0]], own) and weights["embed_tokens.weight"] is output
    assert rows_for(language, 5) == own.shape[0]  # a row that is there already
