"""Check that the weights of a model are complete: refuses git-lfs pointers, broken downloads and old formats.

Reads only the headers of the files; needs no torch.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.model_files import TEXTS, WEIGHTS, names_of
from shallowsight.store.lfs import MEND, is_pointer

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"  # transformers looks for them in this order
_MOST_HEADER = 100_000_000  # bytes, as the safetensors library allows
_SAVE = "save it with save_pretrained of transformers"


def refuse_pointers(key: str, folder: Path, shown: str) -> None:
    """Raises ConfigurationError for files that git-lfs has not fetched; `shown` is the user's name for the folder."""
    for name in names_of(folder, (*WEIGHTS, *TEXTS)):
        if is_pointer(folder / name):
            raise ConfigurationError(
                f"{key}: {shown}/{name} is a pointer of git-lfs, not the file itself; {MEND}, or fetch the model with "
                "`hf download`"
            )


def refuse_adapters(key: str, folder: Path, shown: str) -> None:
    """Raises ConfigurationError for a folder of adapters, because transformers would load the model below them."""
    if (folder / "adapter_config.json").exists():
        raise ConfigurationError(
            f"{key}: {shown} has adapters of another model (adapter_config.json); merge them into that model with "
            "merge_and_unload of peft, save the merged model with save_pretrained, and name its folder"
        )


def require_weights(key: str, folder: Path, shown: str, width: int | None) -> None:
    """Check the weight files of a model.

    Args:
        width: of its hidden states, from its config.json; None: the config.json does not say.

    Raises:
        ConfigurationError: transformers would not find them, they are cut short, or none of them has that width.
    """
    names = {path.name for path in folder.iterdir()}
    require_safetensors(key, names, shown)
    shapes: dict[str, list[int]] = {}
    for name in [SINGLE] if SINGLE in names else _shards(key, folder, shown):
        if name not in names:
            raise ConfigurationError(
                f"{key}: no {shown}/{name}, which {INDEX} names; fetch the model again, with all its shards"
            )
        shapes |= _shapes_of_whole(key, folder / name, f"{shown}/{name}")
    if width is not None and shapes and not any(width in shape for shape in shapes.values()):
        name, shape = max(shapes.items(), key=lambda item: math.prod(item[1]))
        raise ConfigurationError(
            f"{key}: the config.json of {shown} says that hidden states have {width} numbers, but no tensor of its "
            f"weights has that size (the largest, {name}, is {shape}); take config.json and weights of one model"
        )


def require_safetensors(key: str, names: Collection[str], shown: str) -> None:
    """Raises ConfigurationError when none of a model's files are safetensors that transformers would load."""
    if SINGLE in names or INDEX in names:
        return
    if other := sorted(name for name in names if name.endswith(WEIGHTS)):
        raise ConfigurationError(
            f"{key}: {shown} has {other[0]}, but neither {SINGLE} nor {INDEX}, which transformers loads; {_SAVE}"
        )
    pickled = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
    found = f"but {pickled[0]}, which is not loaded, as a pickle can run code; load it once and " if pickled else ""
    mend = f"{_SAVE}, which writes safetensors"
    raise ConfigurationError(f"{key}: no .safetensors file in {shown}{', ' if found else '; '}{found}{mend}")


def _shards(key: str, folder: Path, shown: str) -> list[str]:
    try:
        weight_map = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        return sorted({str(name) for name in weight_map.values()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(f"{key}: {shown}/{INDEX} has no weight_map; fetch it again") from None


def _shapes_of_whole(key: str, path: Path, shown: str) -> dict[str, list[int]]:
    """The shape of each tensor; raises ConfigurationError unless a safetensors file is as long as its header says."""

    def refuse(found: str) -> NoReturn:
        raise ConfigurationError(f"{key}: {shown} {found}; fetch it again") from None

    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_MOST_HEADER, size - 8):
            refuse("is broken or cut short: its header is incomplete")
        header = file.read(length)
    try:
        tensors = {name: value for name, value in json.loads(header).items() if name != "__metadata__"}
        whole = 8 + length + max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
        shapes = {name: [int(size) for size in tensor["shape"]] for name, tensor in tensors.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        refuse("has a header that cannot be read")
    if size != whole:
        refuse(f"has {size} bytes, its header says {whole}: it is {'cut short' if size < whole else 'too long'}")
    return shapes
