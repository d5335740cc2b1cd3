"""Fetch a public benchmark from the hub into a mirror: a set appears there whole or not at all."""

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shallowsight.data.public.mirror import DATA, RECORD, FileSum, SetRecord
from shallowsight.errors import ConfigurationError, MissingPackage, ShallowsightError, first_line
from shallowsight.store.digest import file_sha256
from shallowsight.store.disk import naming, require_writable
from shallowsight.store.objects.opening import open_objects
from shallowsight.store.whole_folder import whole_folder
from shallowsight.study.data import in_bucket
from shallowsight.study.public_benchmarks import PublicBenchmark, Source

if TYPE_CHECKING:
    from datasets import Dataset

_SHARD = 400 << 20  # bytes of a parquet file, about


def fetch_set(benchmark: PublicBenchmark, source: Source, place: str, revision: str | None) -> SetRecord:
    """Bring one benchmark's rows from the hub.

    Args:
        place: the mirror, a folder or a URL; an earlier set of the benchmark there is replaced.
        revision: a commit in place of the one that the benchmark names.

    Raises:
        ConfigurationError: the hub has no such repository, revision or split, rows lack a column, or the mirror cannot
            be written.
        MissingPackage: the extra `evaluate` is not installed.
        ShallowsightError: the hub does not answer, or the disk is full.
    """
    if in_bucket(place):
        objects = open_objects(place)
        with tempfile.TemporaryDirectory() as folder:
            record = _fetch(benchmark, source, Path(folder), revision)
            objects.delete(f"{benchmark.folder}/{RECORD}")  # until all is there again, the set is not whole
            for name in (*sorted(record.files), RECORD):
                objects.put_file(f"{benchmark.folder}/{name}", Path(folder) / benchmark.folder / name)
        return record
    require_writable(Path(place).absolute())
    return _fetch(benchmark, source, Path(place).absolute(), revision)


def _fetch(benchmark: PublicBenchmark, source: Source, to: Path, revision: str | None) -> SetRecord:
    commit = _commit(source.repository, revision or source.revision)
    with naming(to):
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=to) as cache:
            table = _table(source, commit, Path(cache))
            if missing := [column for column in benchmark.columns if column not in table.column_names]:
                raise ConfigurationError(
                    f"{source.repository} at {commit} has no column {', '.join(missing)}; found "
                    f"{', '.join(table.column_names)}; another revision may have it (--revision)"
                )
            with whole_folder(to / benchmark.folder) as new:
                _write(table, new / DATA, source.split)
                record = SetRecord(
                    name=benchmark.name,
                    repository=source.repository,
                    config=source.config,
                    split=source.split,
                    revision=commit,
                    rows=table.num_rows,
                    columns=tuple(table.column_names),
                    files={path.relative_to(new).as_posix(): _sum(path) for path in sorted((new / DATA).iterdir())},
                )
                (new / RECORD).write_text(json.dumps(record.model_dump(mode="json"), indent=1), encoding="utf-8")
    return record


def _commit(repository: str, revision: str | None) -> str:
    """The commit of a revision of a repository."""
    try:
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    except ImportError:
        raise MissingPackage("huggingface-hub", extra="evaluate") from None
    asked = f"{repository!r}" + (f" at {revision!r}" if revision else "")
    try:
        found = HfApi().dataset_info(repository, revision=revision, timeout=30).sha
    except (HfHubHTTPError, HFValidationError) as error:
        raise ConfigurationError(f"the hub has no data set {asked}, or does not show it: {first_line(error)}") from None
    except (httpx2.HTTPError, OfflineModeIsEnabled, OSError) as error:
        raise ShallowsightError(
            f"the hub does not answer ({first_line(error)}); fetching is the one step that needs a network: run it "
            "where one is, and copy the folder"
        ) from None
    if not found:
        raise ShallowsightError(f"the hub names no commit for {asked}")
    return str(found)


def _table(source: Source, commit: str, cache: Path) -> "Dataset":
    with _quiet():
        table = _load(source.repository, source.config, source.split, commit, cache)
        for column, value in source.keep.items():
            table = table.filter(lambda wanted, kept=value: wanted == kept, input_columns=[column])
        if source.pictures is not None:
            own = _load(source.repository, source.pictures.config, source.split, commit, cache)
            table = _with_pictures(table, own, source)
    if not table.num_rows:
        raise ConfigurationError(f"{source.repository} at {commit} has no row of split {source.split!r} to ask")
    return table


def _load(repository: str, config: str | None, split: str, commit: str, cache: Path) -> "Dataset":
    """A table whose pictures stay encoded."""
    from datasets import Features, Image, List, load_dataset

    try:
        table = load_dataset(repository, config, split=split, revision=commit, cache_dir=str(cache))
    except (ValueError, FileNotFoundError) as error:  # no such config or split, or a repository without data
        raise ConfigurationError(f"{repository} at {commit}: {first_line(error)}") from None

    def encoded(feature: Any) -> Any:
        if isinstance(feature, Image):
            return Image(decode=False)
        return List(encoded(feature.feature)) if isinstance(feature, List) else feature

    features = {name: encoded(feature) for name, feature in table.features.items()}
    return table.cast(Features(features)) if features != dict(table.features) else table


def _with_pictures(table: "Dataset", pictures: "Dataset", source: Source) -> "Dataset":
    """The table with a column `image`, from the table of pictures."""
    from datasets import Image

    assert source.pictures is not None
    rows = {key: row for row, key in enumerate(pictures[source.pictures.id])}
    by = list(table[source.pictures.by])
    if missing := sorted({key for key in by if key not in rows}):
        raise ConfigurationError(f"{source.repository}: {len(missing)} pictures are missing, the first: {missing[0]!r}")

    def add(batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        return {"image": [pictures[rows[key]]["image"] for key in batch[source.pictures.by]]}  # type: ignore[union-attr]

    features = table.features.copy()
    features["image"] = Image(decode=False)
    return table.map(add, batched=True, batch_size=64, features=features)


def _write(table: "Dataset", folder: Path, split: str) -> None:
    """Parquet files with pictures as they are on the hub, in the form in which `datasets` reads them as pictures."""
    from datasets import Features, Image, List

    def readable(feature: Any) -> Any:
        if isinstance(feature, Image):
            return Image()
        return List(readable(feature.feature)) if isinstance(feature, List) else feature

    folder.mkdir(parents=True)
    table = table.cast(Features({name: readable(feature) for name, feature in table.features.items()}))
    shards = max(1, -(-(table.data.nbytes or 1) // _SHARD))
    for number in range(shards):
        part = table.shard(shards, number, contiguous=True)
        part.to_parquet(str(folder / f"{split}-{number:05d}-of-{shards:05d}.parquet"))


def _sum(path: Path) -> FileSum:
    return FileSum(size=path.stat().st_size, sha256=file_sha256(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the messages of `datasets`; its bars stay, because a set may take hours."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    logger = logging.getLogger("datasets")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
