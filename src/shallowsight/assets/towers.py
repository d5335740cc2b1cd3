"""Which vision transformers can be towers: the embedded one, or a hub id or folder of CLIP, SigLIP or DINOv2.

`describe` needs no torch: a wrong layer or an impossible image size is found before anything heavy starts.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from shallowsight.assets import dinov2
from shallowsight.errors import ConfigurationError, MissingPackage

if TYPE_CHECKING:
    from torch import nn
    from transformers import BaseImageProcessor

EMBEDDED_TOWER = "embedded:dinov2-small"

_FAMILIES = {  # model_type of config.json -> has a class token
    "dinov2": True,
    "clip": True,
    "clip_vision_model": True,
    "siglip": False,
    "siglip_vision_model": False,
}
# What transformers takes where config.json is silent, as that of google/siglip-base-patch16-224 is.
_DEFAULT_DEPTH, _DEFAULT_WIDTH = 12, 768
_DEFAULT_PATCH = {"dinov2": 14, "clip": 32, "clip_vision_model": 32, "siglip": 16, "siglip_vision_model": 16}


class TowerFacts(BaseModel):
    """What the rest of the study must know of a tower; `digest` stands for its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    family: str
    depth: int
    width: int
    patch: int  # pixels
    has_class_token: bool
    digest: str

    def tokens(self, image_size: int, pool: int, features: str) -> int:
        """Image tokens of one picture.

        Raises:
            ConfigurationError: the size is no multiple of patch x pool.
        """
        unit = self.patch * pool
        if image_size % unit:
            nearest = max(1, round(image_size / unit)) * unit
            raise ConfigurationError(
                f"vision.image_size={image_size} is no multiple of {unit} (patch {self.patch} of {self.name} "
                f"x vision.pool {pool}); the nearest that is: {nearest}"
            )
        return (image_size // unit) ** 2 + (features == "cls_patch")


def describe(tower: str, revision: str | None = None) -> TowerFacts:
    """Depth, width, patch and digest of a tower, from its configuration file.

    Raises:
        ConfigurationError: no such tower, or not one of the known families.
    """
    if tower == EMBEDDED_TOWER:
        return TowerFacts(
            name=tower,
            family="dinov2",
            depth=dinov2.DEPTH,
            width=dinov2.WIDTH,
            patch=dinov2.PATCH,
            has_class_token=True,
            digest=f"sha256:{dinov2.WEIGHTS_SHA256}",
        )
    if tower.startswith("embedded:"):
        raise ConfigurationError(f"no tower {tower!r}; the embedded one is {EMBEDDED_TOWER}")
    folder = Path(tower)
    if folder.is_dir():
        return _facts(tower, _read_config(folder / "config.json"), _weights_digest(folder))
    if folder.is_absolute() or tower.startswith(("./", "../", "~")) or tower.count("/") != 1:
        raise ConfigurationError(
            f"vision.tower: no folder {tower!r}; give a folder with config.json and model.safetensors, "
            f"a hub id such as openai/clip-vit-large-patch14-336, or {EMBEDDED_TOWER}"
        )
    return _describe_hub(tower, revision)


def _describe_hub(tower: str, revision: str | None) -> TowerFacts:
    try:
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ImportError:
        raise MissingPackage("huggingface-hub", extra="models") from None
    try:
        config = hf_hub_download(tower, "config.json", revision=revision)
        commit = Path(config).parent.name if revision is None else HfApi().model_info(tower, revision=revision).sha
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ConfigurationError(
            f"vision.tower: cannot read {tower!r} from the hub ({type(error).__name__}: {str(error).splitlines()[0]}); "
            "check the name and the network, or give a folder"
        ) from None
    return _facts(tower, _read_config(Path(config)), f"hub:{tower}@{commit}")


def _read_config(path: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"vision.tower: no {path}; save the model there with save_pretrained") from None
    except ValueError as error:
        raise ConfigurationError(f"vision.tower: {path} is not JSON: {error}") from None
    return raw


def _facts(tower: str, config: dict[str, Any], digest: str) -> TowerFacts:
    family = config.get("model_type")
    if family not in _FAMILIES:
        raise ConfigurationError(
            f"vision.tower: {tower!r} is a {family!r} model; allowed are {', '.join(sorted(_FAMILIES))}"
        )
    vision = config.get("vision_config", config)
    return TowerFacts(
        name=tower,
        family=family,
        depth=vision.get("num_hidden_layers", _DEFAULT_DEPTH),
        width=vision.get("hidden_size", _DEFAULT_WIDTH),
        patch=vision.get("patch_size", _DEFAULT_PATCH[family]),
        has_class_token=_FAMILIES[family],
        digest=digest,
    )


def _weights_digest(folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigurationError(f"vision.tower: no .safetensors file in {folder}; save the model with save_pretrained")
    whole = hashlib.sha256((folder / "config.json").read_bytes())
    for file in files:
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return f"sha256:{whole.hexdigest()}"


def load_encoder(tower: str, revision: str | None = None) -> "nn.Module":
    """The vision encoder in fp32, all layers."""
    from transformers import AutoConfig, AutoModel, CLIPVisionModel, SiglipVisionModel

    if tower == EMBEDDED_TOWER:
        embedded: nn.Module = dinov2.load_dinov2_small()
        return embedded
    family = AutoConfig.from_pretrained(tower, revision=revision).model_type
    loader = {"clip": CLIPVisionModel, "siglip": SiglipVisionModel}.get(family, AutoModel)
    encoder: nn.Module = loader.from_pretrained(tower, revision=revision, use_safetensors=True)
    return encoder


def load_processor(tower: str, image_size: int, revision: str | None = None) -> "BaseImageProcessor":
    """Resizes the whole picture to image_size x image_size and normalises as the tower was trained."""
    # The Pillow backend by name: with torchvision installed the other one would resize to other bytes.
    from transformers import AutoImageProcessor, BitImageProcessorPil

    mean, std = dinov2.IMAGE_MEAN, dinov2.IMAGE_STD
    if tower != EMBEDDED_TOWER:
        own = AutoImageProcessor.from_pretrained(tower, revision=revision)
        mean, std = own.image_mean, own.image_std
    size = {"height": image_size, "width": image_size}
    return BitImageProcessorPil(size=size, do_center_crop=False, image_mean=mean, image_std=std)
