"""The facts of a tower from its configuration file: the embedded one, or a model of the hub, a folder, a bucket.

Needs no torch: a wrong layer or an impossible image size is found before anything heavy starts.
"""

from collections.abc import Mapping
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import SmallFiles, config_of, pin
from shallowsight.model.tower import dinov2
from shallowsight.model.tower.families import ALONE, FAMILIES, REFUSED, UNKNOWN, WITHIN, Family, family_of
from shallowsight.model.tower.numbers import Numbers
from shallowsight.study.experiment import EMBEDDED_TOWER
from shallowsight.study.resolved import TowerFacts

KEY = "vision.tower"
NOT_READ = "not read"  # in place of the digest of files that were not read
_EMBEDDED = "embedded:"
_PROCESSOR = "preprocessor_config.json"
TOKENS_KEY, PATCH_KEY = "vision.prefix_tokens", "vision.patch"


def describe(
    tower: str, revision: str | None = None, prefix_tokens: int | None = None, patch: int | None = None
) -> TowerFacts:
    """The facts of a tower, with a digest of its weights.

    Args:
        prefix_tokens: as the experiment says it; needed for a family that is not in the table.
        patch: as the experiment says it, in pixels; needed if config.json does not have it. For a tower in stages the
            side of the square that one image token stands for.

    Raises:
        ConfigurationError: there is no such tower, it cannot be one, or a fact that is not in its files is not given.
    """
    if tower.startswith(_EMBEDDED):
        return _embedded(tower, prefix_tokens, patch)
    found = pin(KEY, tower, revision, EMBEDDED_TOWER)
    facts = _facts(tower, found.config, prefix_tokens, patch, found.digest, found.revision)
    _require_processor(tower, found.small_files)
    return facts


def outline(
    tower: str, revision: str | None = None, prefix_tokens: int | None = None, patch: int | None = None
) -> TowerFacts:
    """Like `describe`, without a digest, so that no weights of a tower in a folder or a bucket are read."""
    if tower.startswith(_EMBEDDED):
        return _embedded(tower, prefix_tokens, patch)
    config = config_of(KEY, tower, revision, EMBEDDED_TOWER)
    return _facts(tower, config, prefix_tokens, patch, digest=NOT_READ, revision=NOT_READ)


def depth_of(tower: str) -> int:
    """The number of layers, which config.json says also where other facts must be given; raises as `outline`."""
    if tower.startswith(_EMBEDDED):
        return _embedded(tower, None, None).depth
    config = config_of(KEY, tower, None, EMBEDDED_TOWER)
    return _numbers(tower, config).depth(_family(tower, config))


def _embedded(tower: str, prefix_tokens: int | None, patch: int | None) -> TowerFacts:
    if tower != EMBEDDED_TOWER:
        raise ConfigurationError(f"no tower {tower!r}; the embedded one is {EMBEDDED_TOWER}")
    return TowerFacts(
        name=tower,
        family="dinov2",
        depth=dinov2.DEPTH,
        width=dinov2.WIDTH,
        patch=_as_known(PATCH_KEY, dinov2.PATCH, patch, "dinov2"),
        has_class_token=True,
        prefix_tokens=_as_known(TOKENS_KEY, 1, prefix_tokens, "dinov2"),
        digest=f"sha256:{dinov2.WEIGHTS_SHA256}",
    )


def _facts(
    tower: str,
    config: Mapping[str, Any],
    prefix_tokens: int | None,
    patch: int | None,
    digest: str,
    revision: str,
) -> TowerFacts:
    name, family, numbers = str(config.get("model_type")), _family(tower, config), _numbers(tower, config)
    tokens = _tokens(name, family, numbers, prefix_tokens)
    widths = numbers.widths(family)
    stride = numbers.patch(family) * 2 ** (len(widths) - 1) if family.widths else None
    return TowerFacts(
        name=tower,
        family=name,
        depth=numbers.depth(family),
        width=widths[-1] if widths else numbers.width(family),
        widths=widths,
        patch=(patch or stride) if stride else _patch(name, numbers.patch(family), patch),
        stride=stride,
        has_class_token=family.class_token and tokens > 0,
        prefix_tokens=tokens,
        only_size=numbers.only_size(family),
        digest=digest,
        revision=revision,
    )


def _family(tower: str, config: Mapping[str, Any]) -> Family:
    """Raises ConfigurationError for a model that cannot be a tower."""
    name = str(config.get("model_type"))
    if name in REFUSED:
        raise ConfigurationError(f"{KEY}: {tower!r} is a {name!r} model, which cannot be a tower: {REFUSED[name]}")
    if name in FAMILIES or name in ALONE or name in WITHIN:
        return family_of(name)
    if "vision_config" in config:
        raise ConfigurationError(
            f"{KEY}: {tower!r} is a {name!r} model, of several parts; save its vision model alone with save_pretrained"
        )
    if {"image_size", "patch_size"} & set(config):
        return UNKNOWN
    raise ConfigurationError(
        f"{KEY}: {tower!r} is a {name!r} model, whose config.json says nothing of pictures (no image_size, no "
        f"patch_size); name a vision model, for instance one of {', '.join(sorted(FAMILIES))}"
    )


def _numbers(tower: str, config: Mapping[str, Any]) -> Numbers:
    name = str(config.get("model_type"))
    return Numbers(tower, name, config.get("vision_config", config))


def _tokens(name: str, family: Family, numbers: Numbers, given: int | None) -> int:
    if numbers.known:
        return _as_known(TOKENS_KEY, numbers.tokens(family), given, name)
    if given is None:
        raise ConfigurationError(
            f"{TOKENS_KEY}: how many tokens stand before the patches in hidden_states of a {name!r} model? set "
            f"{TOKENS_KEY}=5, for instance, for a class token and four registers, or {TOKENS_KEY}=0 for none"
        )
    return given


def _patch(name: str, found: int | None, given: int | None) -> int:
    if found is not None:
        return _as_known(PATCH_KEY, found, given, name)
    if given is None:
        raise ConfigurationError(
            f"{PATCH_KEY}: how many pixels wide is a patch of a {name!r} model? its config.json has no patch_size; set "
            f"{PATCH_KEY}=16, for instance"
        )
    return given


def _as_known(key: str, known: int, given: int | None, name: str) -> int:
    if given is not None and given != known:
        raise ConfigurationError(f"{key}={given}, but this {name!r} model has {known}; leave {key} out")
    return known


def _require_processor(tower: str, files: SmallFiles) -> None:
    """Raises ConfigurationError for a tower without the file that has the mean and deviation for its pictures."""
    own, whole = files.read(_PROCESSOR), files.read("processor_config.json")
    if own is None and "image_processor" not in (whole or {}) and files.names is not None:
        raise ConfigurationError(
            f"{KEY}: no {tower}/{_PROCESSOR}, which says how its pictures are normalised; save it there with "
            "AutoImageProcessor.from_pretrained(the model that it comes from).save_pretrained"
        )
