"""Lines that several machines keep in a real bucket, also while it does not answer."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from faulty_proxy import FaultyProxy
from s3_server import BUCKET, Server
from stage_runs import wait_for

from shallowsight.store import shared_lines
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects

NAME = "answers/0a1b"
_WRITE = """
import sys
from pathlib import Path
from shallowsight.store import shared_lines
from shallowsight.store.mirror import MirroredStore
from shallowsight.store.objects.opening import open_objects
url, who = sys.argv[1:]
shared_lines.PUT_SECONDS = 0.01
with MirroredStore(open_objects(url), Path(who)).lines("answers/0a1b") as lines:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(100):
        lines.append(f"{who} {number}\\n")
    print("written", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_two_processes_at_once_and_a_killed_one(
    s3: Server, python: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}")
    writers = {who: python(_WRITE, objects.url, who) for who in ("one", "other")}
    for word in ("ready", "written"):
        for process in writers.values():
            assert process.stdout is not None and process.stdin is not None
            assert process.stdout.readline() == f"{word}\n"
        if word == "ready":
            for process in writers.values():
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
    writers["one"].communicate("\n", timeout=60)
    writers["other"].kill()
    writers["other"].wait()
    with MirroredStore(objects, tmp_path / "third machine").lines(NAME) as lines:
        found = {line.decode() for line in lines.found}
    whole = {f"one {number}" for number in range(100)}
    assert whole <= found <= whole | {f"other {number}" for number in range(100)}
    with MirroredStore(objects, tmp_path / "other").lines(NAME):
        pass  # what the killed process wrote last is on its machine, and goes with this one's
    with MirroredStore(objects, tmp_path / "fourth machine").lines(NAME) as lines:
        assert len(set(lines.found)) == 200


def test_a_bucket_that_is_away_gets_them_when_it_answers(
    proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_lines, "PUT_SECONDS", 0.01)
    objects = open_objects(f"s3://{BUCKET}/{uuid4().hex}", patience=0.05)
    with MirroredStore(objects, tmp_path / "here").lines(NAME) as lines:
        proxy.rule = lambda method, path: "drop"
        lines.append("one\n")
        wait_for(lambda: "lines are not in the store yet" in caplog.text, "the warning")
        lines.append("two\n")
        proxy.rule = lambda method, path: None
    assert "is not available" in caplog.text
    with MirroredStore(objects, tmp_path / "there").lines(NAME) as lines:
        assert lines.found == (b"one", b"two")
