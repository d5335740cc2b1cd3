"""An HTTP proxy in front of a real S3 server that does what networks and servers do on bad days."""

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from local_server import LocalServer

_ERROR = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>says the proxy</Message></Error>"

# What a rule may answer; None lets the request through.
Fault = str | None
Rule = Callable[[str, str], Fault]


class FaultyProxy(LocalServer):
    """Asks `rule(method, path)` before each request.

    A fault is `drop` (nothing arrives), `lost` (done, but the answer is lost), `half` (half an answer), `silent` (no
    answer, for `seconds`), `slow` (an answer after `seconds`), `html 502` or `SlowDown 503` (such an answer).
    """

    def __init__(self, port: int) -> None:
        self.requests: list[tuple[str, str]] = []
        self.rule: Rule = lambda method, path: None
        self.seconds = 0.0
        self.port = port  # of the server behind
        self._lock = threading.Lock()
        super().__init__(self._handler(), poll_seconds=0.05)

    def first(self, count: int, fault: str, method: str = "", part: str = "") -> None:
        """This many requests with that method and that part of the path; then it heals."""
        left = count

        def rule(asked: str, path: str) -> Fault:
            nonlocal left
            if left and asked.startswith(method) and part in path:
                left -= 1
                return fault
            return None

        self.rule = rule

    def count(self, method: str, part: str = "") -> int:
        return sum(asked == method and part in path for asked, path in self.requests)

    def _next(self, method: str, path: str) -> Fault:
        with self._lock:
            self.requests.append((method, path))
            return self.rule(method, path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy._next(self.command, self.path)
                self.close_connection = fault is not None
                if fault in {"slow", "silent"}:
                    time.sleep(proxy.seconds)
                if fault in {"drop", "silent"}:
                    return
                if fault and fault[-1].isdigit():
                    self._refuse(*fault.split())
                    return
                answer, content = self._forward(body)
                if fault != "lost":
                    self._pass_on(answer, content, half=fault == "half")

            do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

            def _refuse(self, code: str, status: str) -> None:
                content = b"<html>no</html>" if code == "html" else _ERROR.format(code).encode()
                self.send_response(int(status))
                self.send_header("Content-Type", "text/html" if code == "html" else "application/xml")
                self.send_header("Content-Length", str(len(content)))
                if status.startswith("3"):
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
                connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
                try:
                    # The headers as they are: the signature covers them, also the host.
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        connection.putheader(name, value)
                    connection.endheaders(body or None)
                    answer = connection.getresponse()
                    return answer, answer.read()
                finally:
                    connection.close()

            def _pass_on(self, answer: http.client.HTTPResponse, content: bytes, half: bool) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                        self.send_header(name, value)
                length = answer.headers.get("Content-Length") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if half else content)

            def log_message(self, format: str, *values: object) -> None:
                pass

        return Handler
