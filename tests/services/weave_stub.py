"""What the weave client talks to, over HTTP and in memory: keeps what it is sent, finds it again, fails on purpose."""

import gzip
import hashlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_server import LocalServer

Json = dict[str, Any]
_NEWEST = {"min_required_weave_python_version": "0.0.1", "trace_server_version": "99.0.0"}
_PROJECT = {"id": "1", "name": "probe", "entity": {"name": "team"}}
_VIEWER = {"username": "someone", "entity": "team", "defaultEntity": {"name": "team"}}
_ACCOUNT = {"viewer": _VIEWER, "project": _PROJECT}


class WeaveStub(LocalServer):
    """`requests` are (path, body), `calls` by id; `rule(path)` may answer a status and a text instead."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.objects: list[Json] = []
        self.calls: dict[str, Json] = {}
        self.keys: set[str] = set()  # what the clients said who they are
        self.rule: Callable[[str], tuple[int, str] | None] = lambda path: None
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    @property
    def sent(self) -> str:
        """Everything that left the machine."""
        return "\n".join(f"{path} {body}" for path, body in self.requests)

    def named(self, operation: str) -> list[Json]:
        """The calls of an operation, for instance `Evaluation.evaluate`."""
        return [call for call in self.calls.values() if f"/op/{operation}:" in call["op_name"]]

    def answer(self, path: str, body: str) -> tuple[int, str]:
        with self._lock:
            self.requests.append((path, body))
            refusal = self.rule(path)
            if refusal is not None:
                return refusal[0], json.dumps({"detail": refusal[1]})
            if path == "/calls/stream_query":
                return 200, "".join(f"{json.dumps(call)}\n" for call in self._found(json.loads(body)))
            return 200, json.dumps(self._answer(path, body))

    def _answer(self, path: str, body: str) -> Json:
        digest = hashlib.sha256(body.encode()).hexdigest()[:43]
        match path.strip("/").split("/"):
            case ["server_info"]:
                return _NEWEST
            case ["graphql"]:
                return {"data": _ACCOUNT}
            case ["table", "create"]:
                rows = json.loads(body)["table"]["rows"]
                return {"digest": digest, "row_digests": [f"{digest[:40]}{n:03}" for n in range(len(rows))]}
            case ["obj", "create"]:
                self.objects.append(json.loads(body)["obj"])
                return {"digest": digest}
            case ["file", "create"]:
                return {"digest": digest}
            case ["v2", _, _, "calls", "complete"]:
                for call in json.loads(body)["batch"]:
                    self._keep(call)
            case ["v2", _, _, "call", "start" | "end"]:
                found = json.loads(body)
                self._keep(found.get("start") or found["end"])
        return {}

    def _keep(self, call: Json) -> None:
        self.calls[call["id"]] = self.calls.get(call["id"], {}) | {k: v for k, v in call.items() if v is not None}

    def _found(self, request: Json) -> list[Json]:
        """Calls whose attribute has the value asked for."""
        field, literal = request["query"]["$expr"]["$eq"]
        name, value = field["$getField"].removeprefix("attributes."), literal["$literal"]
        return [call for call in self.calls.values() if call.get("attributes", {}).get(name) == value]


def _handler(stub: WeaveStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def _reply(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            stub.keys.add(self.headers.get("Authorization", ""))
            status, text = stub.answer(self.path.partition("?")[0], data.decode(errors="replace"))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler
