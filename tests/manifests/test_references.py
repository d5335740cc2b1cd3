"""Everything that is named is there, in every overlay."""

from collections.abc import Callable
from typing import Any

import pytest
import reference_rules
from overlays import OVERLAYS, Object, build, find, pod, pods

Break = Callable[[list[Object]], Any]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_named_is_there(overlay: str) -> None:
    objects = build(overlay)
    assert reference_rules.complaints(objects, pods(objects)) == []


def container(objects: list[Object], name: str) -> Object:
    found: Object = pod(objects, name).spec["containers"][0]
    return found


def spec(objects: list[Object], kind: str, name: str) -> Object:
    found: Object = find(objects, kind, name)["spec"]
    return found


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (lambda o: pod(o, "minio").spec.update(serviceAccountName="x"), "no such service account"),
        (lambda o: pod(o, "minio-setup").spec["volumes"][0]["configMap"].update(name="x"), "no such config map"),
        (lambda o: pod(o, "minio").spec["volumes"][1]["secret"]["items"][0].update(key="x"), "no secret has the key x"),
        (
            lambda o: pod(o, "minio-setup").spec["volumes"][2]["projected"]["sources"][1]["secret"].update(name="x"),
            "no secret has the key AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        ),
        (lambda o: container(o, "minio")["env"][0].update(value="/key/x"), "MINIO_ROOT_USER_FILE names no file"),
        (lambda o: pod(o, "minio").spec["volumes"][1]["secret"].update(optional=True), "starts where a key is missing"),
        (lambda o: container(o, "shallowsight-torch")["volumeMounts"].pop(), "not mounted: ['tmp']"),
        (lambda o: container(o, "shallowsight-torch")["volumeMounts"][0].update(name="x"), "['shared-memory', 'x']"),
        (
            lambda o: container(o, "shallowsight-torch")["env"][0]["valueFrom"]["secretKeyRef"].update(key="x"),
            "AWS_ENDPOINT_URL: no secret has this key",
        ),
        (lambda o: container(o, "minio")["readinessProbe"]["httpGet"].update(port="x"), "readinessProbe: there is no"),
        (lambda o: spec(o, "Service", "minio")["selector"].update(a="b"), "service minio: selects no pod"),
        (lambda o: spec(o, "Service", "minio")["ports"][0].update(targetPort="x"), "service minio: no port x"),
        (lambda o: spec(o, "StatefulSet", "minio").update(serviceName="x"), "no such service"),
        (
            lambda o: spec(o, "StatefulSet", "minio")["selector"]["matchLabels"].update(a="b"),
            "does not select its own pods",
        ),
        (
            lambda o: spec(o, "PodMonitor", "shallowsight-training")["selector"]["matchLabels"].update(a="b"),
            "monitor shallowsight-training: selects no pod",
        ),
        (
            lambda o: spec(o, "PodMonitor", "shallowsight-training")["podMetricsEndpoints"][0].update(port="http"),
            "monitor shallowsight-training: no port",
        ),
        (lambda o: find(o, "RoleBinding", "shallowsight-steps")["roleRef"].update(name="x"), "no such role"),
        (lambda o: find(o, "RoleBinding", "shallowsight-steps")["subjects"][0].update(name="x"), "nobody makes x"),
        (lambda o: find(o, "Role", "shallowsight-steps")["rules"][0].update(resourceNames=["x"]), "no such configmaps"),
        (lambda o: spec(o, "LocalQueue", "shallowsight").update(clusterQueue="x"), "no such cluster queue"),
        (
            lambda o: spec(o, "ClusterQueue", "shallowsight")["namespaceSelector"]["matchLabels"].update(a="b"),
            "does not take its local queue's workloads",
        ),
        (
            lambda o: spec(o, "ClusterQueue", "shallowsight")["resourceGroups"][0]["flavors"][0].update(name="x"),
            "no such flavor",
        ),
        (
            lambda o: spec(o, "ClusterQueue", "shallowsight")["resourceGroups"][0]["flavors"][0]["resources"].pop(),
            "a quota is missing",
        ),
        (
            lambda o: container(o, "shallowsight-torch")["resources"]["requests"].update({"ephemeral-storage": "1Gi"}),
            "no training would ever be admitted: nobody has a quota of ['ephemeral-storage']",
        ),
        (
            lambda o: find(o, "ConfigMap", "kfp-launcher")["data"].update(
                providers=find(o, "ConfigMap", "kfp-launcher")["data"]["providers"].replace("AWS_ACCESS", "ACCESS")
            ),
            "kfp-launcher: no secret has these keys",
        ),
        (
            lambda o: find(o, "ConfigMap", "kfp-launcher")["data"].update(
                providers=find(o, "ConfigMap", "kfp-launcher")["data"]["providers"].replace(":9000", ":9001")
            ),
            "kfp-launcher: the store is elsewhere",
        ),
    ],
)
def test_the_check_finds(broken: Break, complaint: str) -> None:
    objects = build("a100")
    broken(objects)
    (line,) = reference_rules.complaints(objects, pods(objects))
    assert complaint in line
