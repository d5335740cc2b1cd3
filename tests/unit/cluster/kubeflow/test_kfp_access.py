"""Where the server is and who asks; secrets stay out of sight."""

from pathlib import Path

import pytest

from shallowsight.cluster.kubeflow.access import access
from shallowsight.errors import ConfigurationError


def test_named_goes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    variables = {
        "KF_PIPELINES_ENDPOINT": "https://from.env/pipeline/",
        "SHALLOWSIGHT_KFP_TOKEN": " from-env\n",
        "KF_PIPELINES_UI_ENDPOINT": "https://pages",
    }
    found = access(variables=variables)
    assert (found.host, found.token, found.token_file) == ("https://from.env/pipeline", "from-env", None)
    assert found.pages == "https://pages"
    assert found.secrets() == ["from-env"]
    found = access("http://named", token_file=tmp_path / "token", variables=variables)
    assert (found.host, found.token, found.secrets()) == ("http://named", None, ["from-a-file"])
    found = access(context="kind", variables=variables)
    assert (found.host, found.shown) == (None, "the Kubeflow Pipelines of context kind")


def test_a_mounted_token_is_read_anew(tmp_path: Path) -> None:
    mounted = tmp_path / "token"
    mounted.write_text("first")
    found = access("http://h", variables={"KF_PIPELINES_SA_TOKEN_PATH": str(mounted)})
    assert found.secrets() == ["first"]
    mounted.write_text("second")
    assert found.secrets() == ["second"]
    mounted.unlink()
    assert found.secrets() == []


def test_in_a_pod_nothing_is_needed() -> None:
    found = access(variables={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert (found.host, found.token, found.shown) == (None, None, "the Kubeflow Pipelines of this cluster")


def test_elsewhere_something_must_be_named() -> None:
    with pytest.raises(ConfigurationError, match="no Kubeflow Pipelines named: give --host URL"):
        access(variables={"SHALLOWSIGHT_KFP_TOKEN": "a-token"})


def test_the_token_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(access("http://h", variables={"SHALLOWSIGHT_KFP_TOKEN": "hidden"}))


@pytest.mark.parametrize(
    ("host", "says"),
    [
        pytest.param("kubeflow.example", "write https://", id="no scheme"),
        pytest.param("ftp://x", "write https://", id="another scheme"),
        pytest.param("https://x/#/runs", "write https://", id="a page"),
        pytest.param("https://me:hidden@x", "may not contain a user or a password", id="password"),
    ],
)
def test_hosts_that_are_refused(host: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        access(host, variables={})
    assert "hidden" not in str(refused.value)


def test_host_and_context_exclude_each_other() -> None:
    with pytest.raises(ConfigurationError, match="give only one"):
        access("http://h", context="kind", variables={})


@pytest.mark.parametrize("text", ["", "  \n", "two words", "a\nb", "\u00e4", "a\x00b"])
def test_what_is_no_token(text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(ConfigurationError, match="holds no token"):
        access("http://h", token_file=tmp_path / "token", variables={})
    if text.strip():
        with pytest.raises(ConfigurationError, match="SHALLOWSIGHT_KFP_TOKEN holds no token") as refused:
            access("http://h", variables={"SHALLOWSIGHT_KFP_TOKEN": text})
        assert text not in str(refused.value)


def test_a_token_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none: No such file"):
        access("http://h", token_file=tmp_path / "none", variables={})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is not a text file"):
        access("http://h", token_file=tmp_path / "binary", variables={})
