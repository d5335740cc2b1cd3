"""The files of a model in a folder, as save_pretrained writes them, and digests over them; no pickles."""

from functools import lru_cache
from hashlib import sha256
from json import dumps
from pathlib import Path

from shallowsight.store.digest import file_sha256

CONFIG = "config.json"
# Endings of file names. Weights and texts have separate digests, because a tokenizer is loaded without the weights and
# must be checked then too.
WEIGHTS = (".safetensors",)
TEXTS = (".json", ".txt", ".model", ".jinja")  # configuration, tokenizer, processor


def names_of(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """The names, sorted, of the files directly in a folder that have one of the endings."""
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(endings) and path.is_file())


def digest_of_part(folder: Path, endings: tuple[str, ...]) -> str:
    """64 hex digits over names and contents of the files with these endings; the folder's name does not count."""
    found = [[name, _sha256(folder / name)] for name in names_of(folder, endings)]
    return sha256(dumps(found).encode()).hexdigest()


def _sha256(path: Path) -> str:
    now = path.stat()
    return _sha256_at(path, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@lru_cache(maxsize=1024)
def _sha256_at(path: Path, *state: int) -> str:
    """The sha256 of a file, computed once in a process for each state of the file, because weights are many GB."""
    return file_sha256(path)
