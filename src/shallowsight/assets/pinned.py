"""A model of the hub, a folder or a bucket, pinned: its configuration, a digest of its weights, the commit to load.

Needs no torch, so a name that does not exist is found before anything heavy starts.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.config import in_bucket
from shallowsight.digest import file_sha256
from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.hub import hub_file
from shallowsight.services.copies import copy_of_folder

# Configuration, weights and tokenizer, as save_pretrained leaves them; no pickles.
_FILES = (".json", ".safetensors", ".txt", ".model", ".jinja")


@dataclass(frozen=True)
class Pinned:
    """Equal digests mean equal weights, in a folder and in a bucket; `revision` is the hub commit, else None."""

    config: dict[str, Any]
    digest: str
    revision: str | None


def pin(key: str, model: str, revision: str | None, also: str) -> Pinned:
    """Find a model; `key` is the configuration's, `also` what else may stand there.

    Raises:
        ConfigurationError: no such model, or a folder without configuration or safetensors.
        StoreUnavailable: the bucket's server does not answer.
    """
    if in_bucket(model):
        return _pin_folder(key, _copy(key, model), model)
    folder = Path(model)
    if folder.is_dir():
        return _pin_folder(key, folder, model)
    if folder.is_absolute() or model.startswith(("./", "../", "~")) or model.count("/") != 1:
        raise ConfigurationError(
            f"{key}: no folder {model!r}; give a folder with config.json and model.safetensors, the "
            f"s3:// URL of one, a hub id (owner/name), or {also}"
        )
    return _pin_hub(key, model, revision)


def files_of(key: str, model: str) -> str:
    """What transformers loads: for a model in a bucket its copy on this machine, else the name itself.

    Raises:
        ConfigurationError: there is nothing at this URL, or the store refuses.
        StoreUnavailable: the bucket's server does not answer.
    """
    return str(_copy(key, model)) if in_bucket(model) else model


def _copy(key: str, url: str) -> Path:
    try:
        return copy_of_folder(url, lambda name: "/" not in name and name.endswith(_FILES))
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None


def _pin_folder(key: str, folder: Path, shown: str) -> Pinned:
    return Pinned(_read_config(key, folder / "config.json", shown), _weights_digest(key, folder, shown), None)


def _pin_hub(key: str, model: str, revision: str | None) -> Pinned:
    try:
        config = hub_file(model, "config.json", revision)
    except MissingPackage:
        raise
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None
    commit = config.parent.name  # the hub's cache keeps a folder for each commit
    return Pinned(_read_config(key, config, model), f"hub:{model}@{commit}", commit)


def _read_config(key: str, path: Path, shown: str) -> dict[str, Any]:
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{key}: no {shown}/config.json; save the model there with save_pretrained") from None
    except ValueError as error:
        raise ConfigurationError(f"{key}: {shown}/config.json is not JSON: {error}") from None
    return raw


def _weights_digest(key: str, folder: Path, shown: str) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigurationError(f"{key}: no .safetensors file in {shown}; save the model with save_pretrained")
    whole = hashlib.sha256((folder / "config.json").read_bytes())
    for file in files:
        whole.update(file_sha256(file).encode())
    return f"sha256:{whole.hexdigest()}"
