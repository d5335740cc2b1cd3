"""The command of docs/cluster.md that fetches a report, in a process whose environment leads to a real S3 server."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from pages import commands
from s3_server import BUCKET, Server
from study_runs import COMMAND

from shallowsight.store.opening import CACHE, open_store


def test_fetch_as_it_stands_there(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = [code.text for code in commands() if code.text.startswith("shallowsight fetch s3:")]
    _, *words = shlex.split(command)
    url = words[1]
    assert url.startswith(f"s3://{BUCKET}/")
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    store = open_store(url)
    (store.root / "report").mkdir(parents=True)
    (store.root / "report" / "report.html").write_bytes(b"<p>")
    store.share("report")
    done = subprocess.run([COMMAND, *words], cwd=tmp_path, env=os.environ.copy(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"report: {tmp_path / 'report' / 'report.html'}\n"
    assert (tmp_path / "report" / "report.html").read_bytes() == b"<p>"
