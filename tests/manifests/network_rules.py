"""NetworkPolicies: what they point at, and who may talk to whom. Of policies of one namespace."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from overlays import Object, Pod, of_kind

OURS = "shallowsight"
# Pods that others make; by the labels that select them.
STEP = {"pipelines.kubeflow.org/v2_component": "true"}
DNS = {"k8s-app": "kube-dns"}


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod of a namespace, or an address."""

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""


def may_connect(objects: list[Object], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Both ends have to allow it, where policies of ours select them."""
    return _allowed(objects, source, target, port, protocol, "Egress") and _allowed(
        objects, target, source, port, protocol, "Ingress"
    )


def _allowed(objects: list[Object], subject: End, peer: End, port: int, protocol: str, direction: str) -> bool:
    policies = [
        policy["spec"]
        for policy in of_kind(objects, "NetworkPolicy")
        if direction in policy["spec"]["policyTypes"]
        and subject.namespace == policy["metadata"]["namespace"]
        and selects(policy["spec"]["podSelector"], subject.labels)
    ]
    side = "to" if direction == "Egress" else "from"
    rules = [rule for policy in policies for rule in policy.get(direction.lower(), [])]
    return not policies or any(
        any(_is(each, peer) for each in rule[side])
        and ("ports" not in rule or {"protocol": protocol, "port": port} in rule["ports"])
        for rule in rules
    )


def _is(peer: Object, end: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return (
            bool(end.address)
            and _inside(end.address, [block["cidr"]])
            and not _inside(end.address, block.get("except", []))
        )
    if end.address:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace}):
            return False
    elif end.namespace != OURS:
        return False
    return selects(peer.get("podSelector", {}), end.labels)


def _inside(address: str, blocks: list[str]) -> bool:
    return any(ip_address(address) in ip_network(block) for block in blocks)


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """As Kubernetes does; of the expressions only `In`, which is all that we write."""
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def complaints(objects: list[Object], pods: list[Pod]) -> list[str]:
    """About selectors that select nothing and ports that nobody has."""
    return list(_complaints(objects, pods))


def _complaints(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    denying = [p for p in of_kind(objects, "NetworkPolicy") if p["spec"]["podSelector"] == {}]
    if not any(
        set(p["spec"]) == {"podSelector", "policyTypes"} and len(p["spec"]["policyTypes"]) == 2 for p in denying
    ):
        yield "nothing denies what no policy allows"
    for policy in of_kind(objects, "NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        if not _hit(spec["podSelector"], pods):
            yield f"{name}: selects no pod"
        for rule in spec.get("ingress", []):
            yield from _about(name, rule, rule["from"], pods, ours=_hit(spec["podSelector"], pods))
        for rule in spec.get("egress", []):
            targets = [t for peer in rule["to"] if "namespaceSelector" not in peer for t in _hit_of(peer, pods)]
            yield from _about(name, rule, rule["to"], pods, ours=targets)


def _about(name: str, rule: Object, peers: list[Object], pods: list[Pod], ours: list[Pod | None]) -> Iterator[str]:
    if any("podSelector" in p and "namespaceSelector" not in p and not _hit(p["podSelector"], pods) for p in peers):
        yield f"{name}: a peer is no pod"
    has = {port["containerPort"] for pod in ours if pod for c in pod.containers for port in c.get("ports", [])}
    if has:
        yield from (f"{name}: nobody listens on {p['port']}" for p in rule.get("ports", []) if p["port"] not in has)


def _hit_of(peer: Object, pods: list[Pod]) -> list[Pod | None]:
    return _hit(peer["podSelector"], pods) if "podSelector" in peer else []


def _hit(selector: Object, pods: list[Pod]) -> list[Pod | None]:
    """Pods of ours; None stands for one that KFP makes."""
    found: list[Pod | None] = [pod for pod in pods if selects(selector, pod.labels)]
    return found + ([None] if selects(selector, STEP) else [])
