"""Compose a labelled picture set: scenes whose right answers are known exactly, as LLaVA JSON."""

import json
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from random import Random

from shallowsight.data.built_in.drawing import check_sources, draw
from shallowsight.data.built_in.facts import SPLITS, Split, scene
from shallowsight.data.built_in.wording import caption_record, question_record
from shallowsight.errors import ConfigurationError, ShallowsightError

log = logging.getLogger(__name__)

SMALLEST_SIZE = 48  # pixels; in smaller pictures digits cannot be told apart
CHUNK = 50  # pictures that a worker draws as one task
WORTH_A_WORKER = 200  # pictures; starting a worker takes about as long as drawing this many

Chunk = tuple[Path, Split, range, int, int]  # the arguments of _draw_chunk


def compose_scenes(
    out: Path,
    train: int,
    test: int,
    size: int,
    seed: int,
    on_progress: Callable[[int], None] | None = None,
    *,
    workers: int | None = None,
) -> None:
    """Write `train` and `test` scenes of `size` x `size` pixels and their LLaVA records.

    Files: `out/images/{train,test}/00000.png`..., `out/{train,test}.json` with five questions for each picture, in an
    order that differs from picture to picture, and `out/captions.json` with one caption for each training picture.
    Record paths are relative to `out/images`. Test pictures show emoji and photographs that no training picture shows.

    The picture and the records of index i depend only on (seed, split, i) and size, not on the counts or on `workers`.
    `workers` is a number of processes; by default one for each core that this process may use, and no extra process
    for a small set. Existing files of these names are overwritten. `on_progress` gets the number of pictures written so
    far. A script that calls this for a large set needs the usual `if __name__ == "__main__":`.

    Raises ConfigurationError for impossible numbers or unknown source files, MissingPackage, OSError (disk full).
    """
    if train < 0 or test < 0 or train + test == 0:
        raise ConfigurationError(f"cannot compose {train} training and {test} test scenes; ask for at least one in all")
    if size < SMALLEST_SIZE:
        raise ConfigurationError(f"scenes of {size} pixels cannot be read; the smallest size is {SMALLEST_SIZE}")
    check_sources()
    counts: dict[Split, int] = {"train": train, "test": test}
    for split in SPLITS:
        (out / "images" / split).mkdir(parents=True, exist_ok=True)
    chunks = [
        (out / "images" / split, split, range(start, min(start + CHUNK, counts[split])), size, seed)
        for split in SPLITS
        for start in range(0, counts[split], CHUNK)
    ]
    _draw_chunks(chunks, _workers(train + test) if workers is None else workers, on_progress or (lambda done: None))
    _write_records(out, counts, seed)
    log.info("composed %d training and %d test scenes in %s", train, test, out)


def _draw_chunks(chunks: Sequence[Chunk], workers: int, on_progress: Callable[[int], None]) -> None:
    done = 0
    if workers <= 1:
        for chunk in chunks:
            done += _draw_chunk(*chunk)
            on_progress(done)
        return
    # Spawned, not forked: a fork would copy locks that threads of the caller (torch, gRPC) hold, without the threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_leave_interrupts_to_parent) as pool:
        try:
            for future in as_completed([pool.submit(_draw_chunk, *chunk) for chunk in chunks]):
                done += future.result()
                on_progress(done)
        except BrokenProcessPool as error:
            raise ShallowsightError(
                "a process that drew scenes died: out of memory, or called from a script without "
                '`if __name__ == "__main__":`'
            ) from error
        finally:  # after an error or Ctrl-C, the remaining chunks are not drawn
            pool.shutdown(cancel_futures=True)


def _draw_chunk(folder: Path, split: Split, indices: range, size: int, seed: int) -> int:
    for index in indices:
        # Compression level 1 makes files as small as the default level does, in 0.4 of the time.
        draw(scene(seed, split, index), size).save(folder / f"{index:05d}.png", compress_level=1)
    return len(indices)


def _write_records(out: Path, counts: dict[Split, int], seed: int) -> None:
    for split in SPLITS:
        records = []
        for index in range(counts[split]):
            random = Random(f"questions {seed} {split} {index}")
            facts = scene(seed, split, index).facts
            records.append(question_record(f"scenes-{split}-{index:05d}", f"{split}/{index:05d}.png", facts, random))
        _write_json(out / f"{split}.json", records)
    captions = [
        caption_record(
            f"scenes-caption-{index:05d}",
            f"train/{index:05d}.png",
            scene(seed, "train", index).facts,
            Random(f"caption {seed} {index}"),
        )
        for index in range(counts["train"])
    ]
    _write_json(out / "captions.json", captions)


def _write_json(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def _workers(pictures: int) -> int:
    """The number of worker processes that saves time, on the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, pictures // WORTH_A_WORKER)


def _leave_interrupts_to_parent() -> None:
    """Ignore Ctrl-C in a worker: the parent process reports it and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
