"""Which files of a folder are those of an earlier export."""

from fnmatch import fnmatchcase
from pathlib import Path

CARD = "README.md"
_WRITTEN = (
    CARD,
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "processor_config.json",
    "preprocessor_config.json",
    "chat_template.jinja",
    # of a tokenizer, by its kind
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


def holds_stock_model(folder: Path) -> bool:
    """Whether `folder` is a model as `shallowsight export` writes it."""
    return (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))


def is_written_by_export(folder: Path, name: str) -> bool:
    """Whether the file `name` of `folder` is one of an export; none is, unless the folder holds a whole one."""
    whole = holds_stock_model(folder) and (folder / CARD).is_file()
    return whole and any(fnmatchcase(name, pattern) for pattern in _WRITTEN)
