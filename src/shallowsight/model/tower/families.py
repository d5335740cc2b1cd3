"""Which vision transformers can be towers: the embedded one, or CLIP, SigLIP or DINOv2 of the hub, a folder, a bucket.

`describe` needs no torch: a wrong layer or an impossible image size is found before anything heavy starts.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shallowsight.data.pictures.squares import squared
from shallowsight.data.pictures.upright import upright_rgb
from shallowsight.errors import ConfigurationError
from shallowsight.model.files.loaded import require_all_weights
from shallowsight.model.files.pinned import SmallFiles, config_of, files_of, pin
from shallowsight.model.tower import dinov2
from shallowsight.study.experiment import EMBEDDED_TOWER
from shallowsight.study.resolved import TowerFacts

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor, nn

NOT_READ = "not read"  # in place of the digest of files that were not read
_EMBEDDED = "embedded:"
_KEY = "vision.tower"
_PROCESSOR = "preprocessor_config.json"

_FAMILIES = {  # model_type of config.json -> has a class token
    "dinov2": True,
    "clip": True,
    "clip_vision_model": True,
    "siglip": False,
    "siglip_vision_model": False,
}
# transformers' defaults for keys that config.json does not have, as in google/siglip-base-patch16-224.
_DEFAULT_DEPTH, _DEFAULT_WIDTH = 12, 768
_DEFAULT_PATCH = {"dinov2": 14, "clip": 32, "clip_vision_model": 32, "siglip": 16, "siglip_vision_model": 16}


def describe(tower: str, revision: str | None = None) -> TowerFacts:
    """Depth, width, patch and digest of a tower, from its configuration file.

    Raises:
        ConfigurationError: there is no such tower, or its family is not supported.
    """
    if tower.startswith(_EMBEDDED):
        return _embedded(tower)
    found = pin(_KEY, tower, revision, EMBEDDED_TOWER)
    facts = _facts(tower, found.config, found.digest, found.revision)
    _require_processor(tower, found.small_files)
    return facts


def outline(tower: str, revision: str | None = None) -> TowerFacts:
    """Like `describe`, without a digest, so that no weights of a tower in a folder or a bucket are read."""
    if tower.startswith(_EMBEDDED):
        return _embedded(tower)
    config = config_of(_KEY, tower, revision, EMBEDDED_TOWER)
    return _facts(tower, config, digest=NOT_READ, revision=NOT_READ)


def _embedded(tower: str) -> TowerFacts:
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
    raise ConfigurationError(f"no tower {tower!r}; the embedded one is {EMBEDDED_TOWER}")


def _require_processor(tower: str, files: SmallFiles) -> None:
    """Raises ConfigurationError for a tower without the file that has the mean and deviation for its pictures."""
    own, whole = files.read(_PROCESSOR), files.read("processor_config.json")
    if own is None and "image_processor" not in (whole or {}) and files.names is not None:
        raise ConfigurationError(
            f"{_KEY}: no {tower}/{_PROCESSOR}, which says how its pictures are normalised; save it there with "
            "AutoImageProcessor.from_pretrained(the model that it comes from).save_pretrained"
        )


def _facts(tower: str, config: Mapping[str, Any], digest: str, revision: str) -> TowerFacts:
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
        revision=revision,
    )


def load_encoder(tower: str, revision: str | None = None) -> "nn.Module":
    """The vision encoder in fp32, all layers.

    Raises:
        ConfigurationError: the tower's files changed since `revision` was pinned, or are not all of its weights.
    """
    from transformers import AutoConfig, AutoModel, CLIPVisionModel, SiglipVisionModel

    if tower == EMBEDDED_TOWER:
        embedded: nn.Module = dinov2.load_dinov2_small()
        return embedded
    files = files_of(_KEY, tower, revision)
    family = AutoConfig.from_pretrained(files.place, revision=files.revision).model_type
    loader = {"clip": CLIPVisionModel, "siglip": SiglipVisionModel}.get(family, AutoModel)
    encoder: nn.Module
    encoder, found = loader.from_pretrained(
        files.place,
        revision=files.revision,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # refused below, with names and shapes
    )
    require_all_weights(_KEY, tower, found)
    return encoder


class PictureProcessor:
    """Turns pictures into the pixels [B, C, H, W] that a tower takes; H = W = image_size."""

    def __init__(self, tower: str, image_size: int, shape: str, revision: str | None = None) -> None:
        """`shape` says how a picture becomes square.

        stretch: the whole picture, with its proportions changed; crop: the middle of the picture, as CLIP was trained;
        pad: the whole picture with bars of the mean colour, as in LLaVA-1.5's finetuning.
        """
        # The Pillow backend by name: otherwise transformers uses torchvision if it is installed, which resizes to other
        # bytes.
        from transformers import AutoImageProcessor, BitImageProcessorPil

        mean, std = dinov2.IMAGE_MEAN, dinov2.IMAGE_STD
        if tower != EMBEDDED_TOWER:
            files = files_of(_KEY, tower, revision)
            own = AutoImageProcessor.from_pretrained(files.place, revision=files.revision)
            mean, std = own.image_mean, own.image_std
        self._shape, self._side, self._bars = shape, image_size, tuple(int(255 * part) for part in mean)
        self._process = BitImageProcessorPil(do_resize=False, do_center_crop=False, image_mean=mean, image_std=std)

    def __call__(self, pictures: "Sequence[Image.Image]") -> "Tensor":
        """`pictures` may have any mode, transparency and EXIF orientation; a benchmark's pictures come unchanged."""
        squares = [squared(upright_rgb(picture), self._shape, self._side, self._bars) for picture in pictures]
        pixels: Tensor = self._process(squares, return_tensors="pt")["pixel_values"]
        return pixels
