"""A chat endpoint on this machine that answers as a test says, also wrongly, and keeps what it was sent."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = self.server.keep(dict(self.headers), self.path, body)
        self.server.answers[min(number, len(self.server.answers) - 1)](self)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


Answer = Callable[[Handler], None]


@dataclass(frozen=True)
class Sent:
    headers: dict[str, str]
    path: str
    body: dict[str, Any]


@dataclass
class Server(ThreadingHTTPServer):
    """The n-th request gets the n-th answer, the later ones the last."""

    answers: list[Answer]
    sent: list[Sent] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)  # set when the test is

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.daemon_threads = True
        super().__init__(("127.0.0.1", 0), Handler)

    def keep(self, headers: dict[str, str], path: str, body: bytes) -> int:
        with self.lock:
            self.sent.append(Sent(headers, path, json.loads(body)))
            return len(self.sent) - 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients leave in the middle of a reply

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    server = Server(list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def reply(content: object, sent: object = 100, written: object = 1) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": 0},
    }


def says(content: object, sent: object = 100, written: object = 1) -> Answer:
    return gives(200, json.dumps(reply(content, sent, written)).encode())


def gives(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda handler: handler.send(status, body, **headers)


def silent(handler: Handler) -> None:
    """Takes the request, and never answers."""
    handler.server.over.wait()


def half(handler: Handler) -> None:
    """Promises more than it sends before it hangs up."""
    whole = json.dumps(reply("B")).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(whole)))
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True


def drip_body(handler: Handler) -> None:
    """A byte now and then, each before a timeout between two bytes could end the wait."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    _drip(handler, b" ")


def drip_headers(handler: Handler) -> None:
    """The same before the end of the headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler, b"x")


def _drip(handler: Handler, byte: bytes) -> None:
    while not handler.server.over.wait(0.01):
        try:
            handler.wfile.write(byte)
        except OSError:
            return
