"""The cluster that is offered, or the reason why there is none; a namespace for each test."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from offered_cluster import SWITCH, Offered, offered


@pytest.fixture(scope="session")
def cluster() -> Offered:
    try:
        return offered()
    except LookupError as reason:
        if os.environ.get(SWITCH) == "required":
            pytest.fail(str(reason))
        pytest.skip(str(reason))


@pytest.fixture
def needs(cluster: Offered) -> Callable[..., None]:
    """Skip unless the cluster serves these API groups."""

    def check(*groups: str) -> None:
        missing = [group for group in groups if group not in cluster.groups]
        if missing:
            pytest.skip(f"the cluster ({cluster.version}) does not serve {', '.join(missing)}")

    return check


@pytest.fixture
def namespace(cluster: Offered) -> Iterator[str]:
    """A fresh one, which goes with the test."""
    from kubernetes.client import CoreV1Api

    name = f"shallowsight-test-{uuid4().hex[:8]}"
    core = CoreV1Api(cluster.client)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)
