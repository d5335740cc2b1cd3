"""A model of the hub or a folder, pinned: its configuration, a digest of its weights, the commit to load.

Needs no torch, so a name that does not exist is found before anything heavy starts.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.digest import file_sha256
from shallowsight.errors import ConfigurationError, MissingPackage


@dataclass(frozen=True)
class Pinned:
    """Equal digests mean equal weights; `revision` is the hub commit, None for a folder."""

    config: dict[str, Any]
    digest: str
    revision: str | None


def pin(key: str, model: str, revision: str | None, also: str) -> Pinned:
    """Find a model; `key` is the configuration's, `also` what else may stand there.

    Raises:
        ConfigurationError: no such model, or a folder without configuration or safetensors.
    """
    folder = Path(model)
    if folder.is_dir():
        return Pinned(_read_config(key, folder / "config.json"), _weights_digest(key, folder), None)
    if folder.is_absolute() or model.startswith(("./", "../", "~")) or model.count("/") != 1:
        raise ConfigurationError(
            f"{key}: no folder {model!r}; give a folder with config.json and model.safetensors, a hub id "
            f"(owner/name), or {also}"
        )
    return _pin_hub(key, model, revision)


def _pin_hub(key: str, model: str, revision: str | None) -> Pinned:
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ImportError:
        raise MissingPackage("huggingface-hub", extra="models") from None
    try:
        config = Path(hf_hub_download(model, "config.json", revision=revision))
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ConfigurationError(
            f"{key}: cannot read {model!r} from the hub ({type(error).__name__}: {str(error).splitlines()[0]}); "
            "check the name and the network, or give a folder"
        ) from None
    commit = config.parent.name  # the hub's cache keeps a folder for each commit
    return Pinned(_read_config(key, config), f"hub:{model}@{commit}", commit)


def _read_config(key: str, path: Path) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{key}: no {path}; save the model there with save_pretrained") from None
    except ValueError as error:
        raise ConfigurationError(f"{key}: {path} is not JSON: {error}") from None
    return raw


def _weights_digest(key: str, folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigurationError(f"{key}: no .safetensors file in {folder}; save the model with save_pretrained")
    whole = hashlib.sha256((folder / "config.json").read_bytes())
    for file in files:
        whole.update(file_sha256(file).encode())
    return f"sha256:{whole.hexdigest()}"
