"""An API server behind TLS: whom we trust is what the kubeconfig says."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.errors import ClusterUnavailable, ConfigurationError

Kubeconfig = Callable[..., None]


class Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody has signed but itself."""
    if which("openssl") is None:
        pytest.skip("no openssl here")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=fake"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "certificate.pem"


@pytest.fixture
def server(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda request, address: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubeconfig:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    def write(**cluster: Any) -> None:
        content = {
            "current-context": "tls",
            "clusters": [{"name": "tls", "cluster": cluster}],
            "users": [{"name": "me", "user": {"token": "t"}}],
            "contexts": [{"name": "tls", "context": {"cluster": "tls", "user": "me"}}],
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))

    return write


def test_a_certificate_that_is_not_trusted(server: str, kubeconfig: Kubeconfig) -> None:
    kubeconfig(server=server)
    with pytest.raises(ConfigurationError, match="certificate is not trusted; correct the certificate authority"):
        connect(timeout=10).find("job")


def test_a_certificate_that_the_kubeconfig_trusts(server: str, certificate: Path, kubeconfig: Kubeconfig) -> None:
    kubeconfig(server=server, **{"certificate-authority": str(certificate)})
    with pytest.raises(ConfigurationError, match="it has no TrainJobs"):
        connect(timeout=10).find("job")


def test_no_tls_where_it_is_expected(server: str, kubeconfig: Kubeconfig) -> None:
    """What answers so may be a server that is just starting: it is asked again."""
    kubeconfig(server=server.replace("https", "http"))
    with pytest.raises(ClusterUnavailable, match="is not available"):
        connect(patience=0.1, timeout=10).find("job")
