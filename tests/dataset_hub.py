"""A small server that speaks the hub's protocol as far as data sets need it, and benchmarks' repositories on it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from public_rows import MAKERS, picture

from shallowsight.study.public_benchmarks import find_public

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Data sets in folders: `root/owner/name` has the files of owner/name."""

    root: ClassVar[Path]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "datasets"] and (self.root / "/".join(parts[2:4])).is_dir():
            self._api("/".join(parts[2:4]), parts[4:])
        elif parts[0] == "datasets" and "resolve" in parts:
            self._file(self.root / "/".join(parts[1:3]) / "/".join(parts[5:]))
        else:
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if "paths-info" in parts:
            try:
                asked = json.loads(body)["paths"]
            except ValueError:
                asked = parse_qs(body).get("paths", [])
            folder = self.root / "/".join(parts[2:4])
            self._json([self._entry(folder, folder / p) for p in asked if (folder / p).exists()])
        else:
            self._send(404, b"{}")

    def _api(self, name: str, rest: list[str]) -> None:
        folder = self.root / name
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if rest[:1] == ["tree"]:
            below = folder / "/".join(rest[2:])
            found = (
                sorted(below.rglob("*") if "recursive=True" in self.path else below.iterdir()) if below.is_dir() else []
            )
            self._json([self._entry(folder, path) for path in found])
            return
        if rest[:1] == ["revision"] and rest[1] not in {COMMIT, "main"}:
            self._send(404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
            return
        names = [{"rfilename": path.relative_to(folder).as_posix()} for path in files]
        self._json({"id": name, "sha": COMMIT, "siblings": names, "private": False, "tags": [], "downloads": 0})

    def _entry(self, folder: Path, path: Path) -> dict[str, object]:
        kind = "directory" if path.is_dir() else "file"
        size = 0 if path.is_dir() else path.stat().st_size
        return {"type": kind, "path": path.relative_to(folder).as_posix(), "oid": "0" * 40, "size": size}

    def _file(self, path: Path) -> None:
        if not path.is_file():
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        tags = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        self._send(200, content, tags, "application/octet-stream")

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode())

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, kind: str = "application/json"
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def running_hub(root: Path) -> Iterator[str]:
    """Its URL; `root/owner/name` are the files of a repository."""
    _Hub.root = root
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def offer(name: str, root: Path) -> None:
    """The repository of a benchmark, as it is on the hub: GQA's pictures are a table of their own."""
    from datasets import Dataset, Features, Image, List, Value

    benchmark = find_public(name)
    assert benchmark is not None and benchmark.source is not None
    source = benchmark.source
    rows, features = MAKERS[name]()
    folder = root / source.repository
    tables = {source.config or "default": (rows, features)}
    if source.pictures is not None:
        ids = sorted({row[source.pictures.by] for row in rows})
        tables[source.pictures.config] = (
            [{"id": key, "image": picture(n)} for n, key in enumerate(ids)],
            {"id": Value("string"), "image": Image()},
        )
    else:
        many = name == "seedbench"
        shown = [row | {"image": [picture(n)] if many else picture(n)} for n, row in enumerate(rows)]
        if many:  # and questions about videos, which are not asked
            shown.append(shown[0] | {"data_type": "video", "image": [picture(n) for n in range(8)]})
        tables[source.config or "default"] = (shown, features | {"image": List(Image()) if many else Image()})
    configs = []
    for config, (found, kinds) in tables.items():
        path = f"{config}/{source.split}-00000-of-00001.parquet"
        (folder / config).mkdir(parents=True)
        Dataset.from_list(found, features=Features(kinds)).to_parquet(str(folder / path))
        configs.append(
            f"- config_name: {config}\n  data_files:\n  - split: {source.split}\n    path: {config}/{source.split}-*\n"
        )
    (folder / "README.md").write_text("---\nconfigs:\n" + "".join(configs) + "---\n")
