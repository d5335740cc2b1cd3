"""How fast the data gate is and how much memory it takes: `python -m benchmarks.validation`. About ten minutes.

Checks the texts of files of three sizes (one tiny picture for all rows), each in a process of its own, by the gate, by
a plain loop and by Great Expectations alone; then pictures, and the search for copies among them. CPU seconds are user
and system time of the whole process, imports included: they are what other load on the machine changes least.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.validation_parts import leak, pictures
from benchmarks.validation_parts.corpus import write_corpus
from benchmarks.validation_parts.texts import WAYS

SIZES = (50_000, 200_000, 700_000)


def one(way: str, folder: Path) -> dict[str, float]:
    """In this process: good rows, CPU seconds, peak resident MiB."""
    good = WAYS[way](folder / "records.jsonl", folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"good": good, "seconds": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024}


def measured(way: str, folder: Path) -> dict[str, float]:
    """In a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.validation", way, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_texts(console: Console) -> None:
    console.print(f"{'rows':>9}  {'way':14}{'CPU s':>8}{'rows/s':>10}{'x loop':>8}{'peak MiB':>10}")
    for rows in SIZES:
        with tempfile.TemporaryDirectory() as name:
            write_corpus(Path(name), rows)
            found: dict[str, Any] = {way: measured(way, Path(name)) for way in WAYS}
        assert {one["good"] for one in found.values()} == {rows}, "the ways do not find the same"
        for way, one in found.items():
            times = one["seconds"] / found["loop"]["seconds"]
            rate = rows / one["seconds"]
            console.print(f"{rows:9,}  {way:14}{one['seconds']:8.1f}{rate:10,.0f}{times:8.1f}{one['peak']:10.0f}")


def main() -> None:
    console = Console(highlight=False)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    measure_texts(console)
    pictures.measure(console)
    leak.measure(console)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.stdout.write(json.dumps(one(sys.argv[1], Path(sys.argv[2]))) + "\n")
    else:
        main()
