"""An API of Kubeflow Pipelines 2 over HTTP, in memory, that can fail on purpose. It runs nothing."""

import json
from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_server import LocalServer

from shallowsight.cluster.kubeflow.access import access
from shallowsight.cluster.kubeflow.api import KfpApi

Json = dict[str, Any]
# What a rule may answer: a status with a body, `lost` (done, but the answer is lost), or None: go on.
Fault = tuple[int, str] | str | None
_API = "/apis/v2beta1/"
_LISTS = {
    "experiments": "experiment_id",
    "pipelines": "pipeline_id",
    "runs": "run_id",
    "recurringruns": "recurring_run_id",
}
_IN_LIST = {"recurringruns": "recurringRuns"}
LOGIN = "<!doctype html><title>Sign in</title>"


class FakeKfp(LocalServer):
    """`requests` are (method, path); `rule(method, path, number)` may answer in place of the server."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.page = 100  # entries of a list at the most
        self.things: dict[str, dict[str, Json]] = {name: {} for name in (*_LISTS, "versions")}
        self.uploads: dict[str, str] = {}  # version id -> text
        self.requests: list[tuple[str, str]] = []
        self.rule: Callable[[str, str, int], Fault] = lambda method, path, number: None
        self.after: Callable[[], None] = lambda: None  # called when a request has been carried out
        self._ids = count(1)
        super().__init__(_handler(self))

    @property
    def recurring(self) -> list[Json]:
        return list(self.things["recurringruns"].values())

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The requests that were to change something."""
        return [each for each in self.requests if each[0] != "GET"]

    def add(self, kind: str, body: Json) -> Json:
        """As the server would keep it."""
        number = next(self._ids)
        made = {
            "created_at": f"2026-11-22T00:00:{number:02}Z",
            **body,
            _LISTS.get(kind, "pipeline_version_id"): f"id-{number}",
        }
        self.things[kind][f"id-{number}"] = made
        return made

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: Message) -> tuple[int, Json]:
        parts = path.removeprefix(_API).split("/")
        match method, parts:
            case "GET", ["healthz"]:
                return 200, {}
            case "GET", ["pipelines", pipeline, "versions"]:
                mine = [v for v in self.things["versions"].values() if v["pipeline_id"] == pipeline]
                return 200, self._list("pipeline_versions", mine, query)
            case "POST", ["pipelines", "upload_version"]:
                return self._upload(query, body, kind)
            case "GET", [name] if name in _LISTS:
                return 200, self._list(_IN_LIST.get(name, name), list(self.things[name].values()), query)
            case "POST", [name] if name in _LISTS:
                return self._make(name, json.loads(body))
            case "GET", [name, found] if found in self.things.get(name, {}):
                return 200, self.things[name][found]
            case "DELETE", ["recurringruns", found] if found in self.things["recurringruns"]:
                self.things["recurringruns"].pop(found)
                return 200, {}
            case "POST", ["recurringruns", verb] if verb.partition(":")[0] in self.things["recurringruns"]:
                found, _, what = verb.partition(":")
                self.things["recurringruns"][found]["mode"] = what.upper()
                return 200, {}
        return 404, {"error": "not found", "code": 5, "message": f"{path} not found"}

    def _list(self, name: str, found: list[Json], query: dict[str, str]) -> Json:
        if "filter" in query:
            (wanted,) = json.loads(query["filter"])["predicates"]
            found = [each for each in found if each.get(wanted["key"]) == wanted["stringValue"]]
        start = int(query.get("page_token") or 0)
        size = min(int(query.get("page_size") or 10), self.page)
        more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
        return {"total_size": len(found), **({name: found[start : start + size]} if found else {}), **more}

    def _make(self, name: str, body: Json) -> tuple[int, Json]:
        taken = {each["display_name"] for each in self.things[name].values() if "display_name" in each}
        if name in {"experiments", "pipelines"} and body["display_name"] in taken:
            return 409, {"error": "Already exist", "code": 6, "message": "one of that name is there"}
        return 200, self.add(name, body)

    def _upload(self, query: dict[str, str], body: bytes, kind: Message) -> tuple[int, Json]:
        name = {"display_name": query["name"], "pipeline_id": query["pipelineid"]}
        if any(name.items() <= version.items() for version in self.things["versions"].values()):
            return 409, {"error_message": "a version of that name is there", "error_details": "..."}
        made = self.add("versions", name)
        head = f"Content-Type: {kind['Content-Type']}\r\n\r\n".encode()
        (file,) = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
        text = file.get_payload(decode=True)
        assert isinstance(text, bytes)
        self.uploads[made["pipeline_version_id"]] = text.decode()
        return 200, made


def _handler(fake: FakeKfp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet: the second would wait 40 ms

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            fake.requests.append((self.command, self.path))
            fault = fake.rule(self.command, path, len(fake.requests))
            if isinstance(fault, tuple):
                return self._send(fault[0], fault[1])
            if fake.token is not None and self.headers.get("Authorization") != f"Bearer {fake.token}":
                return self._send(401, json.dumps({"message": f"bad token in {self.headers.get('Authorization')}"}))
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            status, answer = fake.answer(self.command, path, query, body, self.headers)
            fake.after()
            if fault == "lost":
                self.close_connection = True
                self.connection.close()
                return None
            return self._send(status, json.dumps(answer))

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def _send(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if text.startswith("<") else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler


def connect(kfp: FakeKfp, namespace: str | None = None) -> KfpApi:
    """A client of it, whatever the environment says of another server."""
    return KfpApi(access(kfp.url, namespace, variables={}))
