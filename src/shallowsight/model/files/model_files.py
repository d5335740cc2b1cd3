"""The files of a model in a folder, as save_pretrained leaves them, and digests of them; no pickles."""

from functools import lru_cache
from hashlib import sha256
from json import dumps
from pathlib import Path

from shallowsight.store.digest import file_sha256

CONFIG = "config.json"
# Endings of names. Apart, as a tokenizer is loaded without the weights, and must be known as the right one then.
WEIGHTS = (".safetensors",)
TEXTS = (".json", ".txt", ".model", ".jinja")  # configuration, tokenizer, processor


def names_of(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """Of the files right in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(endings) and path.is_file())


def digest_of_part(folder: Path, endings: tuple[str, ...]) -> str:
    """64 hex digits over names and contents of the files with these endings; the folder's own name is not in it."""
    found = [[name, _sha256(folder / name)] for name in names_of(folder, endings)]
    return sha256(dumps(found).encode()).hexdigest()


def _sha256(path: Path) -> str:
    now = path.stat()
    return _sha256_at(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@lru_cache(maxsize=1024)
def _sha256_at(path: Path, *state: int) -> str:
    """Once in a process for each state of a file: weights are many GB."""
    return file_sha256(path)
