"""What every pod must be like: Pod Security "restricted", and more. Each complaint is a line."""

from collections.abc import Iterator

from overlays import Object, Pod

# https://kubernetes.io/docs/concepts/security/pod-security-standards: volumes that "restricted" knows
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_HOST = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")


def complaints(pods: list[Pod]) -> list[str]:
    return [f"{pod.name}: {complaint}" for pod in pods for complaint in _of_pod(pod)]


def _of_pod(pod: Pod) -> Iterator[str]:
    spec = pod.spec
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "may run as root"
    if security.get("runAsUser", 0) < 10000:
        yield "runs as a user whom the node may know"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a token for the API server"
    yield from (f"uses {key} of its node" for key in _HOST if spec.get(key))
    for volume in spec.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"volume {volume['name']} is not of an allowed kind"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} may fill the node"
    for container in pod.containers:
        yield from (f"container {container['name']} {complaint}" for complaint in _of_container(container))


def _of_container(container: Object) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if security.get("privileged"):
        yield "is privileged"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write into its image"
    if security.get("runAsNonRoot") is False or security.get("runAsUser", 1) == 0:
        yield "runs as root"
    resources = container.get("resources", {})
    for name in ("cpu", "memory"):
        for kind in ("requests", "limits"):
            if name not in resources.get(kind, {}):
                yield f"has no {kind} of {name}"
    if "nvidia.com/gpu" in resources.get("requests", {}):
        yield "requests GPUs, which a TrainJob changes in the limits alone"
