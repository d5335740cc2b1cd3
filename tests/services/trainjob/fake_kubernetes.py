"""A stand-in for an API server: TrainJobs, pods, logs and events over real HTTP, with faults on purpose.

Time passes by steps: before each look at a TrainJob the next one of `steps` is taken.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import yaml
from crd_schemas import FOLDER, crd_schemas

Object = dict[str, Any]
Answer = tuple[int, Any]  # a status, and JSON, text or bytes
NAMESPACE, TOKEN, CREATED = "vision", "a-token", "2026-01-01T00:00:10Z"
TRAINJOBS = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{NAMESPACE}/trainjobs"
WORKLOADS = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{NAMESPACE}/workloads"
PODS, EVENTS = f"/api/v1/namespaces/{NAMESPACE}/pods", f"/api/v1/namespaces/{NAMESPACE}/events"


def status(code: int, reason: str, message: str, kind: str = "") -> Answer:
    """An error as Kubernetes answers it."""
    details = {"kind": kind} if kind else {}
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "details": details}


class FakeKubernetes:
    """`fault(method, path)` may answer a request instead, `None` lets it through; a number of 0 drops it."""

    def __init__(self) -> None:
        self.trainjobs: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}
        self.logs: dict[str, list[tuple[float, str]]] = {}  # of a pod: when, in monotonic seconds, and the line
        self.events: list[Object] = []
        self.workloads: list[Object] | None = []  # None: Kueue is not installed
        self.steps: deque[Callable[[], object]] = deque()
        self.looks_until_gone = 0  # how often a deleted TrainJob is still seen
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        self.connections = 0  # made so far
        self.is_closed = False
        self.fault: Callable[[str, str], Answer | None] = lambda method, path: None
        self._schemas = crd_schemas() if FOLDER.is_dir() else None
        self._lock = threading.Lock()
        self._server = self._listen(0)
        self.port = self._server.server_port

    def __enter__(self) -> "FakeKubernetes":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_no_schemas(self) -> bool:
        return self._schemas is None

    def close(self) -> None:
        """Connections are refused from now on, and those that there are get no answer."""
        self.is_closed = True
        self._server.shutdown()
        self._server.server_close()

    def open(self) -> None:
        self._server = self._listen(self.port)
        self.is_closed = False

    def kubeconfig(self, path: Path, token: str = TOKEN) -> Path:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [
                {"name": "fake", "context": {"cluster": "fake", "user": "me", "namespace": NAMESPACE}},
                {"name": "other", "context": {"cluster": "fake", "user": "me"}},
            ],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def count(self, method: str, path: str = "") -> int:
        return sum(asked == method and path in place for asked, place, _ in self.requests)

    def answer(self, method: str, url: str, body: Any, token: str) -> Answer | None:
        """None: the connection is closed without a word."""
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        with self._lock:
            self.requests.append((method, parts.path, query))
            answer = self.fault(method, parts.path)
            if answer is not None:
                return answer if answer[0] else None
            if token != f"Bearer {TOKEN}":
                return status(401, "Unauthorized", "Unauthorized")
            if parts.path == TRAINJOBS and method == "POST":
                return self._create(body, strict=query.get("fieldValidation") == ["Strict"])
            if parts.path.startswith(f"{TRAINJOBS}/"):
                return self._trainjob(method, parts.path.rpartition("/")[2], body)
            if parts.path == PODS:
                wanted = dict([query["labelSelector"][0].split("=")])
                return 200, {
                    "items": [p for p in self.pods.values() if wanted.items() <= p["metadata"]["labels"].items()]
                }
            if parts.path == EVENTS:
                about = query["fieldSelector"][0].removeprefix("involvedObject.name=")
                return 200, {"items": [e for e in self.events if e["involvedObject"]["name"] == about]}
            if parts.path == WORKLOADS and self.workloads is not None:
                uid = query["labelSelector"][0].removeprefix("kueue.x-k8s.io/job-uid=")
                return 200, {
                    "items": [w for w in self.workloads if w["metadata"]["labels"]["kueue.x-k8s.io/job-uid"] == uid]
                }
            if parts.path.startswith(f"{PODS}/") and parts.path.endswith("/log"):
                return self._log(parts.path.split("/")[-2], query)
            return 404, "404 page not found"

    def _create(self, body: Object, strict: bool) -> Answer:
        name = body["metadata"]["name"]
        if not strict:  # a real one would drop unknown fields in silence
            return status(400, "BadRequest", "the tests want fieldValidation=Strict")
        found = self._schemas.faults(body) if self._schemas else []
        unknown = [each for each in found if "Additional properties" in each]
        if unknown:
            return status(400, "BadRequest", f"strict decoding error: unknown field: {unknown[0]}")
        if found:
            return status(422, "Invalid", f'TrainJob "{name}" is invalid: {found[0]}', "TrainJob")
        if name in self.trainjobs:
            return status(409, "AlreadyExists", f'trainjobs "{name}" already exists', "trainjobs")
        self.trainjobs[name] = body | {
            "metadata": body["metadata"] | {"uid": uuid4().hex, "creationTimestamp": CREATED}
        }
        return 201, self.trainjobs[name]

    def _trainjob(self, method: str, name: str, body: Any) -> Answer:
        if method == "GET" and self.steps:
            self.steps.popleft()()
        self._let_go(name)
        found = self.trainjobs.get(name)
        if found is None:
            return status(404, "NotFound", f'trainjobs "{name}" not found', "trainjobs")
        if method == "GET":
            return 200, found
        if body["preconditions"]["uid"] != found["metadata"]["uid"]:
            return status(409, "Conflict", "the UID in the precondition does not match", "trainjobs")
        assert body["propagationPolicy"] == "Foreground"
        found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return 200, found

    def _let_go(self, name: str) -> None:
        if "deletionTimestamp" in self.trainjobs.get(name, {}).get("metadata", {}):
            self.looks_until_gone -= 1
            if self.looks_until_gone < 0:
                del self.trainjobs[name]

    def _log(self, pod: str, query: dict[str, list[str]]) -> Answer:
        if pod not in self.pods:
            return status(404, "NotFound", f'pods "{pod}" not found', "pods")
        if self.pods[pod]["status"]["phase"] == "Pending":
            return status(400, "BadRequest", f'container "node" in pod "{pod}" is waiting to start')
        assert query["container"] == ["node"] and query["timestamps"] == ["True"]
        seconds = float(query.get("sinceSeconds", ["inf"])[0])
        lines = [line for written, line in self.logs.get(pod, []) if time.monotonic() - written <= seconds]
        return 200, "".join(lines[-int(query.get("tailLines", ["1000000"])[0]) :])

    def _listen(self, port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        # Whoever asked is gone.
        server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


def _handler(fake: FakeKubernetes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as those of an API server are
        disable_nagle_algorithm = True  # else each answer waits for the client to say that it has read the head

        def setup(self) -> None:
            super().setup()
            fake.connections += 1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            answer = None
            if not fake.is_closed:
                answer = fake.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            if answer is None:
                self.close_connection = True
                return
            code, content = answer
            plain = content.encode() if isinstance(content, str) else content
            data = plain if isinstance(plain, bytes) else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(plain, bytes) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *values: object) -> None:
            pass

    return Handler
