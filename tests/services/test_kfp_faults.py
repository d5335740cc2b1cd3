"""What a server refuses is one line that says how to mend it, and shows no secret."""

import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fake_kfp import LOGIN, FakeKfp

from shallowsight.cluster.kubeflow.access import Access, access
from shallowsight.cluster.kubeflow.api import KfpApi
from shallowsight.cluster.kubeflow.faults import NotThere, ServerRefused, ServerUnavailable
from shallowsight.cluster.kubeflow.recurring import RecurringRuns
from shallowsight.cluster.kubeflow.runs import Runs
from shallowsight.errors import ConfigurationError, MissingPackage, ShallowsightError

SECRET = "opaque-hidden-token"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJoaWRkZW4ifQ.c2ln"


def asked(url: str, token: str = "") -> Access:
    return access(url, "team", variables={"SHALLOWSIGHT_KFP_TOKEN": token})


def message(body: str) -> str:
    return json.dumps({"error": body, "code": 7, "message": body, "details": []})


ANSWERS = [
    pytest.param(
        401, message("who?"), ServerRefused, ["does not accept the login (401: who?)", "--token-file"], id="401"
    ),
    pytest.param(403, message("no verb"), ServerRefused, ["not permitted (403: no verb)", "namespace team"], id="403"),
    pytest.param(404, message("no run"), NotThere, ["not found (404: no run)", "check the id"], id="404"),
    pytest.param(404, "404 page not found", NotThere, ["--host is Kubeflow Pipelines 2"], id="404 of another server"),
    pytest.param(400, message("bad\n cron"), ServerRefused, ["refused (400: bad cron)"], id="400"),
    pytest.param(409, '{"error_message": "there"}', ServerRefused, ["refused (409: there)"], id="409 of an upload"),
    pytest.param(500, message("boom"), ServerUnavailable, ["the server failed (500: boom)", "same command"], id="500"),
    pytest.param(503, "<html>x</html>", ServerUnavailable, ["the server failed (503: a web page)"], id="503 as a page"),
    pytest.param(429, "", ServerUnavailable, ["the server failed (429: Too Many Requests)"], id="429"),
    pytest.param(
        200, LOGIN, ServerRefused, ["a web page (text/html)", "a login page", "check --host"], id="login page"
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "says"), ANSWERS)
def test_answers(kfp: FakeKfp, status: int, body: str, kind: type[ShallowsightError], says: list[str]) -> None:
    api = KfpApi(asked(kfp.url))
    kfp.rule = lambda method, path, number: (status, body)
    with pytest.raises(kind) as refused:
        Runs(api).run("r 1")
    text = str(refused.value)
    assert text.startswith(f"{kfp.url}: reading the run 'r 1': ")
    assert "\n" not in text
    for words in says:
        assert words in text


def test_a_login_page_is_no_empty_list(kfp: FakeKfp) -> None:
    api = KfpApi(asked(kfp.url))
    kfp.rule = lambda method, path, number: (200, LOGIN)
    with pytest.raises(ServerRefused, match="a login page"):
        RecurringRuns(api).all()


def test_connecting_to_a_server_that_refuses(kfp: FakeKfp, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a namespace the client asks at once; kfp's own would try for half a minute and log every try."""
    kfp.rule = lambda method, path, number: (403, message("no"))
    with pytest.raises(ServerRefused, match=r"connecting: not permitted.*--namespace"):
        KfpApi(access(kfp.url, variables={}))
    assert len(kfp.requests) == 1
    assert capfd.readouterr() == ("", "")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ServerUnavailable, match=r"no answer \(.*Connection refused\); is the address right"):
        KfpApi(access(f"http://127.0.0.1:{port}", variables={}))


def test_a_server_that_never_answers(kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch) -> None:
    from shallowsight.cluster.kubeflow import pipelines

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(pipelines, "TIMEOUT", (0.1, 0.1))
        with pytest.raises(ServerUnavailable, match="timed out"):
            KfpApi(access(f"http://127.0.0.1:{silent.getsockname()[1]}", variables={}))


def test_the_right_token_is_sent(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    with FakeKfp(token=SECRET) as kfp:
        KfpApi(access(kfp.url, variables={"SHALLOWSIGHT_KFP_TOKEN": SECRET}))
        api = KfpApi(access(kfp.url, token_file=tmp_path / "token", variables={}))
        kfp.token = "renewed"
        (tmp_path / "token").write_text("renewed")
        assert RecurringRuns(api).all() == []
        (tmp_path / "token").unlink()
        with pytest.raises(ShallowsightError, match="token: No such file"):
            RecurringRuns(api).all()


@pytest.mark.parametrize("token", [SECRET, JWT], ids=["opaque", "jwt"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_a_token_that_the_server_repeats_is_not_shown(
    kfp: FakeKfp, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], token: str, status: int
) -> None:
    caplog.set_level(logging.INFO)
    api = KfpApi(asked(kfp.url, token))
    repeated = f'{token}, Authorization: Bearer {token} and "Bearer other-{token}"'
    for body in (message(repeated), repeated, f"<html>{repeated}</html>"):
        if status == 200 and not body.startswith("<"):
            continue
        kfp.rule = lambda method, path, number, body=body: (status, body)  # type: ignore[misc]
        with pytest.raises(ShallowsightError) as refused:
            Runs(api).run("r")
        assert token not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__
    assert token not in caplog.text + "".join(capfd.readouterr())


def test_a_token_of_another_is_not_shown_either(kfp: FakeKfp) -> None:
    api = KfpApi(asked(kfp.url))
    kfp.rule = lambda method, path, number: (401, message(f"bad bearer abc.def-ghi, or {JWT}"))
    with pytest.raises(ServerRefused) as refused:
        Runs(api).run("r")
    assert "abc" not in str(refused.value)
    assert JWT not in str(refused.value)
    assert "***" in str(refused.value)


def test_no_host_and_no_kube_configuration(tmp_path: Path) -> None:
    """In a process of its own: where a kube configuration is, is read when the package is imported."""
    code = (
        "from shallowsight.cluster.kubeflow.access import access\n"
        "from shallowsight.cluster.kubeflow.api import KfpApi\n"
        "try: access(variables={})\nexcept Exception as error: print(type(error).__name__, error)"
    )
    environment = {"PATH": "", "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.startswith("ConfigurationError no Kubeflow Pipelines named: give --host URL")
    assert done.stderr == ""


def test_a_context_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("contexts: [{name: mine, context: {cluster: c, user: u}}]\n")
    environment = {"PATH": "", "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")}
    code = (
        "from shallowsight.cluster.kubeflow.access import access\n"
        "from shallowsight.cluster.kubeflow.api import KfpApi\n"
        "try: KfpApi(access(context='nope', variables={}))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "ConfigurationError no context 'nope' in" in done.stdout and "there are: mine" in done.stdout
    assert done.stderr == ""


def test_a_kube_context_leads_there(tmp_path: Path) -> None:
    """Through the API server of the cluster, as kubectl proxy would."""
    with FakeKfp() as kfp:
        proxy = "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy"
        (tmp_path / "config").write_text(
            f"apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{kfp.url}'}}}}]\n"
            "users: [{name: u, user: {token: from-kube}}]\ncontexts: [{name: mine, context: {cluster: c, user: u}}]\n"
        )
        kfp.rule = lambda method, path, number: (200, "{}") if path.startswith(f"{proxy}/apis") else (404, "{}")
        code = (
            "from shallowsight.cluster.kubeflow.access import access\n"
            "from shallowsight.cluster.kubeflow.api import KfpApi\n"
            "from shallowsight.cluster.kubeflow.recurring import RecurringRuns\n"
            "print(RecurringRuns(KfpApi(access(context='mine', variables={}))).all())"
        )
        environment = {"PATH": "", "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_missing_kfp_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kfp", None)
    with pytest.raises(MissingPackage, match=r"shallowsight\[pipelines\]"):
        KfpApi(access("http://h", variables={}))
    assert issubclass(ServerRefused, ConfigurationError)
