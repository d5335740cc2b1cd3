"""Fetch a file of a model of the hub. Without a network this fails in seconds; the hub's client tries for a minute."""

import re
from pathlib import Path

from shallowsight.errors import ConfigurationError, MissingPackage, first_line

_SECONDS = 5.0  # to connect to the hub, and again for its answer
_REFUSALS = {400, 401, 403, 404, 410, 451}  # after any other status a retry may succeed
_COMMIT = re.compile(r"[0-9a-f]{40}")


def hub_file(model: str, name: str, revision: str | None) -> Path:
    """The path of a file of the hub, or of its last local copy if the hub cannot be reached.

    The folder of the file is named after the commit.

    Raises:
        ConfigurationError: there is no such model, revision or file, the model is not public, or neither the hub nor a
            copy can be reached.
        MissingPackage: huggingface-hub is not installed.
    """
    try:
        import httpx2
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
            OfflineModeIsEnabled,
        )
    except ImportError:
        raise MissingPackage("huggingface-hub", extra="models") from None
    try:
        if revision is not None and _COMMIT.fullmatch(revision):
            there = try_to_load_from_cache(model, name, revision=revision)
            if isinstance(there, str):
                return Path(there)  # the files of a commit never change, so the hub need not be asked
        get_hf_file_metadata(hf_hub_url(model, name, revision=revision), timeout=_SECONDS)
        return Path(hf_hub_download(model, name, revision=revision))
    except HFValidationError as error:
        raise ConfigurationError(f"{model!r} cannot be the id of a model of the hub: {first_line(error)}") from None
    except HfHubHTTPError as error:
        if error.response.status_code in _REFUSALS:
            raise ConfigurationError(_refused(model, name, revision, error.response.status_code)) from None
        why = f"it failed: {first_line(error)}"
    except (httpx2.HTTPError, OfflineModeIsEnabled, OSError) as error:
        why = first_line(error)
    try:
        return Path(hf_hub_download(model, name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise ConfigurationError(
            f"the hub does not answer ({why}), and there is no copy of {model!r} on this machine; check the network "
            "and HF_ENDPOINT, or give a folder"
        ) from None


def hub_names(model: str, commit: str) -> frozenset[str] | None:
    """Names of all files of a model; None when the hub does not say, or the weights are on this machine already."""
    import httpx2
    from huggingface_hub import HfApi, try_to_load_from_cache

    there = try_to_load_from_cache(model, "config.json", revision=commit)
    if isinstance(there, str) and any(Path(there).parent.glob("*.safetensors")):
        return None  # the names were checked before the weights were downloaded
    try:
        found = HfApi().model_info(model, revision=commit, timeout=_SECONDS)
    except (httpx2.HTTPError, OSError):  # without a network the local copy may be complete
        return None
    return frozenset(file.rfilename for file in found.siblings or ())


def _refused(model: str, name: str, revision: str | None, status: int) -> str:
    of = f"{model!r} at {revision!r}" if revision else repr(model)
    if status in {401, 403}:
        return f"the hub does not show {of} ({status}): check the name; if the model is not public, set HF_TOKEN"
    return f"the hub has no {name} of {of} ({status}): check the name"
