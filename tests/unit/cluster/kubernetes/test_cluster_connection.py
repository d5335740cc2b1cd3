"""Which cluster is meant; nothing is sent."""

import sys
from pathlib import Path

import pytest
import yaml

from shallowsight.cluster.kubernetes import connection
from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.errors import ConfigurationError, MissingPackage

CERTIFICATE, TOKEN = "ca.crt", "token"


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    path = tmp_path / "kubeconfig"
    monkeypatch.setenv("KUBECONFIG", str(path))
    content = {
        "current-context": "one",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443"}} for name in ("first", "second")],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "first", "user": "me", "namespace": "vision"}},
            {"name": "two", "context": {"cluster": "second", "user": "me"}},
        ],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files and variables that Kubernetes gives to a pod."""
    incluster = pytest.importorskip("kubernetes.config.incluster_config")
    for name, content in ((TOKEN, "t"), (CERTIFICATE, "c"), ("namespace", "of-the-pod\n")):
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster, "SERVICE_TOKEN_FILENAME", str(tmp_path / TOKEN))
    monkeypatch.setattr(incluster, "SERVICE_CERT_FILENAME", str(tmp_path / CERTIFICATE))
    monkeypatch.setattr(connection, "_NAMESPACE", tmp_path / "namespace")
    return tmp_path


def test_the_current_context(kubeconfig: Path) -> None:
    cluster = connect()
    assert (cluster.server, cluster.namespace) == ("https://first:6443", "vision")


def test_another_context(kubeconfig: Path) -> None:
    cluster = connect(context="two")
    assert (cluster.server, cluster.namespace) == ("https://second:6443", "default")


def test_another_namespace(kubeconfig: Path) -> None:
    assert connect(namespace="mine").namespace == "mine"


def test_in_a_pod(pod: Path) -> None:
    cluster = connect()
    assert (cluster.server, cluster.namespace) == ("https://10.0.0.1:443", "of-the-pod")


def test_a_context_is_meant_also_in_a_pod(kubeconfig: Path, pod: Path) -> None:
    assert connect(context="two").server == "https://second:6443"


def test_a_pod_without_a_token(pod: Path) -> None:
    (pod / TOKEN).unlink()
    with pytest.raises(ConfigurationError, match="Service token file does not exist"):
        connect()


def test_no_such_context(kubeconfig: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no cluster to talk to: .*three.* KUBECONFIG names the file"):
        connect(context="three")


@pytest.mark.parametrize("content", ["", "{", "a: b", "contexts: []\ncurrent-context: one"])
def test_what_is_no_kubeconfig(kubeconfig: Path, content: str) -> None:
    kubeconfig.write_text(content)
    with pytest.raises(ConfigurationError, match="no cluster to talk to"):
        connect()


def test_no_kubeconfig(kubeconfig: Path) -> None:
    kubeconfig.unlink()
    with pytest.raises(ConfigurationError, match="no cluster to talk to"):
        connect()


def test_without_the_package(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[pipelines\]"):
        connect()
