"""TrainJobs on a real cluster, through our launcher: two nodes that reckon together, a failure, a stop."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from offered_cluster import IMAGE, Offered

from shallowsight.cluster.kubernetes.connection import connect
from shallowsight.cluster.kubernetes.launcher import Pace, run
from shallowsight.cluster.kubernetes.trainjob import GROUP, VERSION, TrainJob, body
from shallowsight.cluster.kubernetes.watch import Limits
from shallowsight.errors import ConfigurationError, LossNotFinite

pytestmark = pytest.mark.cluster

LIMITS = Limits(deadline_seconds=600, queue_seconds=600)
PACE = Pace(poll_seconds=1, gone_seconds=120)
REDUCE = """
import torch, torch.distributed as d
d.init_process_group("gloo")
x = torch.ones(1)
d.all_reduce(x)
print(f"sum {int(x)} on rank {d.get_rank()}", flush=True)
d.destroy_process_group()
"""


@pytest.fixture
def runtime(cluster: Offered, namespace: str, needs: Callable[..., None]) -> Iterator[str]:
    """A small ClusterTrainingRuntime of the same shape as ours, with the image that is offered."""
    from kubernetes.client import CustomObjectsApi

    needs(GROUP, "jobset.x-k8s.io")
    if not cluster.nodes:
        pytest.skip("the cluster has no node that is ready")
    if not os.environ.get(IMAGE):
        pytest.skip(f"no image for training pods: name one with torch in {IMAGE}")
    container = {
        "name": "node",
        "image": os.environ[IMAGE],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [container]}
    node = {
        "name": "node",
        "template": {
            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
            "spec": {"backoffLimit": 0, "template": {"spec": pod}},
        },
    }
    made = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": namespace, "labels": {"trainer.kubeflow.org/framework": "torch"}},
        "spec": {"mlPolicy": {"numNodes": 1, "torch": {}}, "template": {"spec": {"replicatedJobs": [node]}}},
    }
    custom = CustomObjectsApi(cluster.client)
    custom.create_cluster_custom_object(GROUP, VERSION, "clustertrainingruntimes", made, field_validation="Strict")
    yield namespace
    custom.delete_cluster_custom_object(GROUP, VERSION, "clustertrainingruntimes", namespace)


def job(namespace: str, *command: str, nodes: int = 1, runtime: str = "") -> TrainJob:
    return TrainJob(
        name="shallowsight-test-0123456789abcdef",
        namespace=namespace,
        nodes=nodes,
        processes_per_node=1,
        command=command,
        study="a study with spaces",
        cell="0123456789abcdef",
        stage="test",
        runtime=runtime or namespace,
    )


def test_two_nodes_reckon_together(namespace: str, runtime: str) -> None:
    said: list[str] = []
    lines: list[str] = []
    wanted = job(namespace, "torchrun", "--no-python", "python", "-c", REDUCE, nodes=2)
    failure = run(connect(namespace), wanted, LIMITS, say=said.append, on_line=lines.append, pace=PACE)
    assert failure is None and said[-1].endswith("is complete"), said
    assert "sum 2 on rank 0" in "\n".join(lines)
    said.clear()
    run(connect(namespace), wanted, LIMITS, say=said.append, on_line=lines.append, pace=PACE)
    assert "is there already" in said[0]


def test_a_failure_has_its_type(namespace: str, runtime: str) -> None:
    line = json.dumps({"failure": "LossNotFinite", "message": "loss is nan"})
    wanted = job(namespace, "python", "-c", f"import sys; print({line!r}, flush=True); sys.exit(1)")
    failure = run(connect(namespace), wanted, LIMITS, say=print, on_line=print, pace=PACE)
    assert isinstance(failure, LossNotFinite) and str(failure) == "loss is nan"


def test_a_stop_deletes_it(namespace: str, runtime: str) -> None:
    def stop_when_it_runs(text: str) -> None:
        sys.stdout.write(text + "\n")
        if "is running" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    wanted = job(namespace, "python", "-c", "import time; time.sleep(600)")
    cluster = connect(namespace)
    with pytest.raises(KeyboardInterrupt):
        run(cluster, wanted, LIMITS, say=stop_when_it_runs, on_line=print, pace=PACE)
    found = cluster.find(wanted.name)
    assert found is None or "deletionTimestamp" in found["metadata"]


def test_a_runtime_that_is_not_there(namespace: str, needs: Callable[..., None]) -> None:
    needs(GROUP)
    wanted = job(namespace, "true", runtime="there-is-no-such-runtime")
    with pytest.raises(ConfigurationError, match="apply manifests/base/training"):
        run(connect(namespace), wanted, LIMITS, say=print, on_line=print, pace=PACE)


def test_our_body_is_taken_strictly(cluster: Offered, namespace: str, needs: Callable[..., None], runtime: str) -> None:
    """Also by the Trainer's own webhooks."""
    from kubernetes.client import ApiException, CustomObjectsApi

    def create(made: dict[str, Any]) -> Any:
        place = (GROUP, VERSION, namespace, "trainjobs")
        custom = CustomObjectsApi(cluster.client)
        return custom.create_namespaced_custom_object(*place, made, dry_run="All", field_validation="Strict")

    made = body(job(namespace, "true", nodes=2))
    assert create(made)["spec"]["trainer"]["numNodes"] == 2
    made["spec"]["trainer"]["gpus"] = 1
    with pytest.raises(ApiException, match="unknown field"):
        create(made)
