"""Choose some of a set's rows for a quick look: rows that belong together are all chosen or none."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shallowsight.data.public.mirror import DATA
from shallowsight.study.public_benchmarks import PublicBenchmark


def parts(folder: Path) -> list[Path]:
    """The parquet files of a set, in their order."""
    return sorted((folder / DATA).glob("*.parquet"))


def write_some(benchmark: PublicBenchmark, folder: Path, most: int, to: Path) -> int:
    """Write at most `most` rows (but one whole group at least), evenly over the set, into `to`; returns how many."""
    chosen = chosen_rows(groups_of_rows(benchmark, folder), most)
    write_rows(folder, chosen, to)
    return len(chosen)


def write_rows(folder: Path, rows: Iterable[int], to: Path) -> None:
    """Write the rows of these numbers into `to`, in their order in the set."""
    wanted, count, writer = set(rows), 0, None
    try:
        for path in parts(folder):
            for batch in pq.ParquetFile(path).iter_batches(64):
                kept = [n for n in range(batch.num_rows) if count + n in wanted]
                count += batch.num_rows
                if kept:
                    table = pa.Table.from_batches([batch]).take(kept)
                    writer = writer or pq.ParquetWriter(to, table.schema)
                    writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def chosen_rows(groups: Sequence[str], most: int) -> list[int]:
    """Numbers of rows; `groups` has the group of each row."""
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    listed = list(members.values())
    mean = len(groups) / max(1, len(listed))
    wanted = max(1, int(most / mean))
    chosen: list[int] = []
    for number in range(min(wanted, len(listed))):
        rows = listed[number * len(listed) // min(wanted, len(listed))]
        if chosen and len(chosen) + len(rows) > most:
            break
        chosen += rows
    return sorted(chosen)


def stored_pictures(files: Sequence[Path]) -> Iterator[str]:
    """The sha256 of each row's picture as it is stored."""
    for path in files:
        for batch in pq.ParquetFile(path).iter_batches(64, columns=["image"]):
            yield from (sha256(image["bytes"]).hexdigest() for image in batch.column(0).to_pylist())


def groups_of_rows(benchmark: PublicBenchmark, folder: Path) -> list[str]:
    """The group of each row; rows of one group belong together."""
    if benchmark.together is None:
        return [str(n) for n in range(sum(pq.ParquetFile(path).metadata.num_rows for path in parts(folder)))]
    together = benchmark.together
    return [
        together.key(value)
        for path in parts(folder)
        for value in pq.read_table(path, columns=[together.column]).column(0).to_pylist()
    ]
