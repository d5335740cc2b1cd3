"""Pin a model of the hub, a folder or a bucket: its configuration, a digest of its files, the commit to load.

Needs no torch, so that a wrong name is refused before anything heavy starts.
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

_PARTS = (WEIGHTS, TEXTS)  # in the order in which a digest has them
_SHA256 = "sha256"
_WIDTHS = ("hidden_size", "n_embd", "d_model")  # how families call the width of their hidden states


@dataclass(frozen=True)
class Pinned:
    """A pinned model. Equal digests mean equal files, in a folder and in a bucket.

    `revision` is the commit for a model of the hub, and the digest for any other.
    """

    config: dict[str, Any]
    digest: str
    revision: str
    small_files: "SmallFiles"


@dataclass(frozen=True)
class SmallFiles:
    """The files of a model that can be read before its weights are fetched."""

    key: str
    model: str  # as the user wrote it
    folder: Path  # of its config.json
    commit: str | None = None  # of the hub, from which files that are not in the folder are fetched
    names: frozenset[str] | None = None  # of all files; None: not known

    def read(self, name: str) -> dict[str, Any] | None:
        """The object in a JSON file; None when there is no such file.

        Raises:
            ConfigurationError: the file holds no JSON object, or it must be fetched and the hub does not answer.
        """
        path = self.folder / name
        if self.commit is not None and not path.exists() and name in (self.names or ()):
            with _naming(self.key):
                path = hub_file(self.model, name, self.commit)
        return _read_object(self.key, path, f"{self.model}/{name}") if path.exists() else None


@dataclass(frozen=True)
class Files:
    """The arguments for `from_pretrained`: a folder, or an id of the hub and its commit."""

    place: str
    revision: str | None


def pin(key: str, model: str, revision: str | None, also: str) -> Pinned:
    """Find a model and pin it.

    Args:
        key: of the configuration, for messages.
        also: the further value that the key may have, for messages.

    Raises:
        ConfigurationError: there is no such model, or its configuration, its safetensors or a part of them is missing.
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
    """Only the configuration: no weights are fetched or read. Arguments and errors are those of `pin`."""
    if in_bucket(model):
        with _naming(key):
            copy = copy_of_file(f"{model.rstrip('/')}/{CONFIG}")
        return _read_config(key, copy, model)
    if _is_folder(key, model, also):
        return _read_config(key, Path(model) / CONFIG, model)
    return _read_config(key, _hub_config(key, model, revision), model)


def files_of(key: str, model: str, revision: str | None) -> Files:
    """The files that transformers loads: the local copy of a model in a bucket, otherwise the model's name itself.

    Raises:
        ConfigurationError: there is no model at this path or URL, the store refuses, or the files changed since
            `revision` was pinned.
        StoreUnavailable: the bucket's server does not answer.
    """
    return _files(key, model, revision, _PARTS)


def texts_of(key: str, model: str, revision: str | None) -> Files:
    """Like `files_of`, without the weights, which a tokenizer does not need."""
    return _files(key, model, revision, (TEXTS,))


def _files(key: str, model: str, revision: str | None, parts: tuple[tuple[str, ...], ...]) -> Files:
    pinned = (revision or "").split(":")
    by_digest = pinned[0] == _SHA256
    if not in_bucket(model) and not by_digest and not Path(model).is_dir():
        return Files(model, revision)
    folder = _copy(key, model, parts) if in_bucket(model) else Path(model)
    if not folder.is_dir():
        raise ConfigurationError(f"{key}: the folder {model!r}, which held the model when the study began, is missing")
    known = dict(zip(_PARTS, pinned[1:], strict=False))
    if by_digest and any(digest_of_part(folder, part) != known.get(part) for part in parts):
        # A ConfigurationError, after which the run is not retried: no retry finds the files that the run began with.
        raise ConfigurationError(
            f"{key}: the model {model!r} changed after the study began; run the same command again"
        )
    return Files(str(folder), None)


def _is_folder(key: str, model: str, also: str) -> bool:
    """Whether a name is a folder; False for an id of the hub; raises ConfigurationError for any other name."""
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
    require_weights(key, folder, shown, _width(config))
    digest = ":".join([_SHA256, *(digest_of_part(folder, part) for part in _PARTS)])
    files = SmallFiles(key, shown, folder, names=frozenset(path.name for path in folder.iterdir()))
    return Pinned(config, digest, digest, files)


def _width(config: dict[str, Any]) -> int | None:
    own = config.get("vision_config") or config
    found = next((own[name] for name in _WIDTHS if name in own), None) if isinstance(own, dict) else None
    return found if isinstance(found, int) else None


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
    """Put the configuration's key in front of the message of an error."""
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
        raise ConfigurationError(f"{key}: {shown} holds no JSON object; save the model with save_pretrained")
    return raw
