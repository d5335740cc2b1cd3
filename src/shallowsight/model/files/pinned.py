"""A model of the hub, a folder or a bucket, pinned: its configuration, a digest of its files, the commit to load.

Needs no torch, so a name that does not exist is found before anything heavy starts.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.model.files.hub import hub_file, hub_names
from shallowsight.model.files.model_files import CONFIG, TEXTS, WEIGHTS, digest_of_part
from shallowsight.model.files.weight_files import refuse_adapters, refuse_pointers, require_safetensors, require_weights
from shallowsight.store.copies import copy_of_file, copy_of_folder
from shallowsight.study.data import in_bucket

_PARTS = (WEIGHTS, TEXTS)  # as a digest names them
_SHA256 = "sha256"


@dataclass(frozen=True)
class Pinned:
    """Equal digests mean equal files, in a folder and in a bucket; `revision` is the hub commit, else the digest."""

    config: dict[str, Any]
    digest: str
    revision: str
    small_files: "SmallFiles"


@dataclass(frozen=True)
class SmallFiles:
    """The files of a model that can be read before its weights are fetched."""

    key: str
    model: str  # as the user wrote it
    folder: Path  # where its config.json lies
    commit: str | None = None  # of the hub, which is asked for what is not in the folder yet
    names: frozenset[str] | None = None  # of all files; None: the hub does not say

    def read(self, name: str) -> dict[str, Any] | None:
        """What is in a file of JSON; None when there is none.

        Raises:
            ConfigurationError: it holds no object of JSON, or the hub has it and does not answer.
        """
        path = self.folder / name
        if self.commit is not None and not path.exists() and name in (self.names or ()):
            with _naming(self.key):
                path = hub_file(self.model, name, self.commit)
        return _read_object(self.key, path, f"{self.model}/{name}") if path.exists() else None


@dataclass(frozen=True)
class Files:
    """What `from_pretrained` takes: a folder, or an id of the hub and its commit."""

    place: str
    revision: str | None


def pin(key: str, model: str, revision: str | None, also: str) -> Pinned:
    """Find a model; `key` is the configuration's, `also` what else may stand there.

    Raises:
        ConfigurationError: no such model, one without configuration or safetensors, or one that is not all there.
        StoreUnavailable: the bucket's server does not answer.
    """
    if in_bucket(model):
        return _pin_folder(key, _copy(key, model, _PARTS), model)
    if _is_folder(key, model, also):
        return _pin_folder(key, Path(model), model)
    path = _hub_config(key, model, revision)
    commit = path.parent.name  # the hub's cache keeps a folder for each commit
    names = hub_names(model, commit)
    if names is not None:
        _require_safetensors_of_the_hub(key, names, model)
    files = SmallFiles(key, model, path.parent, commit, names)
    return Pinned(_read_config(key, path, model), f"hub:{model}@{commit}", commit, files)


def config_of(key: str, model: str, revision: str | None, also: str) -> dict[str, Any]:
    """The configuration alone: no weights are fetched or read. Arguments and errors are those of `pin`."""
    if in_bucket(model):
        with _naming(key):
            copy = copy_of_file(f"{model.rstrip('/')}/{CONFIG}")
        return _read_config(key, copy, model)
    if _is_folder(key, model, also):
        return _read_config(key, Path(model) / CONFIG, model)
    return _read_config(key, _hub_config(key, model, revision), model)


def files_of(key: str, model: str, revision: str | None) -> Files:
    """What transformers loads: for a model in a bucket its copy on this machine, else the name itself.

    Raises:
        ConfigurationError: there is nothing at this place, the store refuses, or the files are not those that
            `revision` was pinned to.
        StoreUnavailable: the bucket's server does not answer.
    """
    return _files(key, model, revision, _PARTS)


def texts_of(key: str, model: str, revision: str | None) -> Files:
    """The same without the weights, as a tokenizer needs it; raises as `files_of`."""
    return _files(key, model, revision, (TEXTS,))


def _files(key: str, model: str, revision: str | None, parts: tuple[tuple[str, ...], ...]) -> Files:
    pinned = (revision or "").split(":")
    by_digest = pinned[0] == _SHA256
    if not in_bucket(model) and not by_digest and not Path(model).is_dir():
        return Files(model, revision)
    folder = _copy(key, model, parts) if in_bucket(model) else Path(model)
    if not folder.is_dir():
        raise ConfigurationError(f"{key}: no folder {model!r}, where the model was when the study began")
    known = dict(zip(_PARTS, pinned[1:], strict=False))
    if by_digest and any(digest_of_part(folder, part) != known.get(part) for part in parts):
        # Final, unlike other changes: no second try in the same run finds what the run began with.
        raise ConfigurationError(
            f"{key}: the model {model!r} changed after the study began; run the same command again"
        )
    return Files(str(folder), None)


def _is_folder(key: str, model: str, also: str) -> bool:
    """False for an id of the hub; raises ConfigurationError for what is neither."""
    folder = Path(model)
    if folder.is_dir():
        return True
    if folder.is_absolute() or model.startswith(("./", "../", "~")) or model.count("/") != 1:
        raise ConfigurationError(
            f"{key}: no folder {model!r}; give a folder with config.json and model.safetensors, the "
            f"s3:// URL of one, a hub id (owner/name), or {also}"
        )
    return False


def _copy(key: str, url: str, parts: tuple[tuple[str, ...], ...]) -> Path:
    endings = tuple(ending for part in parts for ending in part)
    with _naming(key):
        return copy_of_folder(url, lambda name: "/" not in name and name.endswith(endings))


def _pin_folder(key: str, folder: Path, shown: str) -> Pinned:
    refuse_pointers(key, folder, shown)
    refuse_adapters(key, folder, shown)
    config = _read_config(key, folder / CONFIG, shown)
    require_weights(key, folder, shown)
    digest = ":".join([_SHA256, *(digest_of_part(folder, part) for part in _PARTS)])
    files = SmallFiles(key, shown, folder, names=frozenset(path.name for path in folder.iterdir()))
    return Pinned(config, digest, digest, files)


def _require_safetensors_of_the_hub(key: str, names: frozenset[str], model: str) -> None:
    try:
        require_safetensors(key, names, model)
    except ConfigurationError as error:
        revision = f"{key.partition('.')[0]}.revision"
        raise ConfigurationError(
            f"{error}; or name the hub's own conversion, where there is one: {revision}=refs/pr/NUMBER"
        ) from None


def _hub_config(key: str, model: str, revision: str | None) -> Path:
    with _naming(key):
        return hub_file(model, CONFIG, revision)


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Say which key of the configuration is at fault."""
    try:
        yield
    except MissingPackage:
        raise
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error}") from None


def _read_config(key: str, path: Path, shown: str) -> dict[str, Any]:
    if not path.exists():
        raise ConfigurationError(f"{key}: no {shown}/{CONFIG}; save the model there with save_pretrained")
    return _read_object(key, path, f"{shown}/{CONFIG}")


def _read_object(key: str, path: Path, shown: str) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{key}: {shown} is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{key}: {shown} holds no object of JSON; save the model with save_pretrained")
    return raw
