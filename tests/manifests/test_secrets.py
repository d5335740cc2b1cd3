"""No secret stands in a manifest, and who may read one can read no other."""

from collections.abc import Callable
from typing import Any

import pytest
import secret_rules
from overlays import MANIFESTS, OVERLAYS, Object, build, find, of_kind, pod, pods

Break = Callable[[list[Object]], Any]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_in_a_manifest(overlay: str) -> None:
    objects = build(overlay)
    assert secret_rules.complaints(objects, pods(objects)) == []


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda o: o.append({"kind": "Secret", "metadata": {"name": "x"}}), "made by the user"),
        (
            lambda o: pod(o, "minio").spec["containers"][0]["env"].append({"name": "SOME_TOKEN", "value": "x"}),
            "SOME_TOKEN comes from no Secret",
        ),
        (lambda o: pod(o, "minio").spec["containers"][0]["args"].append("$(MINIO_ROOT_USER)"), "command line"),
        (lambda o: find(o, "ConfigMap", "kfp-launcher")["data"].update(a="password: abcdefgh"), "like a password"),
        (
            lambda o: pod(o, "minio").spec["containers"][0]["env"].append({"name": "A", "value": "minioadmin"}),
            "holds a default password",
        ),
    ],
)
def test_the_check_finds(broken: Break, complaint: str) -> None:
    objects = build("a100")
    broken(objects)
    (line,) = secret_rules.complaints(objects, pods(objects))
    assert complaint in line


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_rights_are_few_and_of_one_namespace(overlay: str) -> None:
    objects = build(overlay)
    assert of_kind(objects, "ClusterRole", "ClusterRoleBinding") == []
    rules = [rule for role in of_kind(objects, "Role") for rule in role["rules"]]
    assert rules
    for rule in rules:
        assert "*" not in str(rule)
        assert not {"pods/exec", "pods/attach"} & set(rule["resources"])
        if "secrets" in rule["resources"]:
            assert (rule["resourceNames"], rule["verbs"]) == (["shallowsight-store"], ["get"])


def test_the_launcher_may_do_what_it_does() -> None:
    rules = find(build("a100"), "Role", "shallowsight-trainings")["rules"]
    given = {(kind, verb) for rule in rules for kind in rule["resources"] for verb in rule["verbs"]}
    needed = {("trainjobs", verb) for verb in ("create", "get", "list", "watch", "delete")}
    needed |= {("pods", "get"), ("pods", "list"), ("pods/log", "get"), ("events", "list"), ("events", "get")}
    assert needed <= given


@pytest.mark.parametrize(
    ("overlay", "namespaces"), [("local", {"shallowsight", "kubeflow"}), ("a100", {"shallowsight"})]
)
def test_who_may_start_trainings(overlay: str, namespaces: set[str]) -> None:
    bindings = [b for b in of_kind(build(overlay), "RoleBinding") if b["roleRef"]["name"] == "shallowsight-trainings"]
    assert {subject["namespace"] for binding in bindings for subject in binding["subjects"]} == namespaces


def test_git_would_not_take_a_secret_along() -> None:
    assert not [path for path in MANIFESTS.rglob("*") if path.suffix in {".env", ".key", ".pem"}]
