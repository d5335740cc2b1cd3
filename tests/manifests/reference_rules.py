"""Whatever an object names has to be there: here, or made by somebody we know."""

from collections.abc import Iterator

import queue_rules
import yaml
from network_rules import selects
from overlays import Object, Pod, names, of_kind

# By `make-secrets`, or by hand where the store is outside.
SECRETS = {
    "shallowsight-store": {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
    "minio-root": {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"},
}
# By Kubeflow: the account of a profile, and that of KFP without users.
ACCOUNTS = {("shallowsight", "default-editor"), ("kubeflow", "pipeline-runner")}


def complaints(objects: list[Object], pods: list[Pod]) -> list[str]:
    return [
        *_of_pods(objects, pods),
        *_of_services(objects, pods),
        *_of_monitors(objects, pods),
        *_of_access(objects),
        *queue_rules.complaints(objects, pods),
        *_of_kfp(objects),
    ]


def _of_pods(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    for pod in pods:
        if pod.spec.get("serviceAccountName") not in names(objects, "ServiceAccount"):
            yield f"{pod.name}: there is no such service account"
        for volume in pod.spec.get("volumes", []):
            if "configMap" in volume and volume["configMap"]["name"] not in names(objects, "ConfigMap"):
                yield f"{pod.name}: there is no such config map"
            yield from (f"{pod.name}: {complaint}" for secret in _secrets(volume) for complaint in _of_secret(secret))
        there = {volume["name"] for volume in pod.spec.get("volumes", [])} | set(pod.claims)
        mounted = {mount["name"] for c in pod.containers for mount in c.get("volumeMounts", [])}
        if mounted != there:
            yield f"{pod.name}: mounted and not there, or there and not mounted: {sorted(mounted ^ there)}"
        for container in pod.containers:
            yield from (f"{pod.name}: {complaint}" for complaint in _of_container(container))
            there = _files(pod, container)
            for variable in container.get("env", []):
                if variable["name"].endswith("_FILE") and variable["value"] not in there:
                    yield f"{pod.name}: {variable['name']} names no file of a secret"


def _files(pod: Pod, container: Object) -> set[str]:
    """Paths at which a container finds keys."""
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    return {
        f"{mount['mountPath']}/{item['path']}"
        for mount in container["volumeMounts"]
        for secret in _secrets(volumes.get(mount["name"], {}))
        for item in secret.get("items", [])
    }


def _secrets(volume: Object) -> list[Object]:
    sources = [source["secret"] for source in volume.get("projected", {}).get("sources", []) if "secret" in source]
    return [*sources, *([volume["secret"]] if "secret" in volume else [])]


def _of_secret(secret: Object) -> Iterator[str]:
    if secret.get("optional") or "items" not in secret:
        yield "starts where a key is missing"
    there = SECRETS.get(secret.get("name") or secret["secretName"], set())
    missing = [item["key"] for item in secret.get("items", []) if item["key"] not in there]
    if missing:
        yield f"no secret has the key {', '.join(missing)}"


def _of_container(container: Object) -> Iterator[str]:
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference and reference["key"] not in SECRETS.get(reference["name"], set()):
            yield f"{variable['name']}: no secret has this key"
    ports = {port["name"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container and container[probe]["httpGet"]["port"] not in ports:
            yield f"{probe}: there is no such port"


def _of_services(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        hit = [pod for pod in pods if selects({"matchLabels": spec["selector"]}, pod.labels)]
        if not hit:
            yield f"service {name}: selects no pod"
        has = {port["name"] for pod in hit for c in pod.containers for port in c.get("ports", [])}
        yield from (
            f"service {name}: no port {p['targetPort']}" for p in spec["ports"] if hit and p["targetPort"] not in has
        )
    for each in of_kind(objects, "StatefulSet"):
        if each["spec"]["serviceName"] not in names(objects, "Service"):
            yield f"{each['metadata']['name']}: there is no such service"
        if not selects(each["spec"]["selector"], each["spec"]["template"]["metadata"]["labels"]):
            yield f"{each['metadata']['name']}: does not select its own pods"


def _of_monitors(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    for monitor in of_kind(objects, "PodMonitor"):
        name, spec = monitor["metadata"]["name"], monitor["spec"]
        if "namespaceSelector" not in spec:  # pods of this namespace, and so of ours
            hit = [pod for pod in pods if selects(spec["selector"], pod.labels)]
            if not hit or monitor["metadata"]["namespace"] != hit[0].namespace:
                yield f"monitor {name}: selects no pod"
            has = {port["name"] for pod in hit for c in pod.containers for port in c.get("ports", [])}
            yield from (f"monitor {name}: no port" for e in spec["podMetricsEndpoints"] if hit and e["port"] not in has)


def _of_access(objects: list[Object]) -> Iterator[str]:
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in of_kind(objects, "ServiceAccount")
    }
    for binding in of_kind(objects, "RoleBinding"):
        name = binding["metadata"]["name"]
        if binding["roleRef"]["name"] not in names(objects, "Role"):
            yield f"binding {name}: there is no such role"
        for subject in binding["subjects"]:
            if (subject["namespace"], subject["name"]) not in accounts | ACCOUNTS:
                yield f"binding {name}: nobody makes {subject['name']}"
    there = {"configmaps": names(objects, "ConfigMap"), "secrets": set(SECRETS)}
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            for kind in rule["resources"]:
                if not set(rule.get("resourceNames", [])) <= there.get(kind, set()):
                    yield f"role {role['metadata']['name']}: there are no such {kind}"


def _of_kfp(objects: list[Object]) -> Iterator[str]:
    for each in of_kind(objects, "ConfigMap"):
        if each["metadata"]["name"] == "kfp-launcher":
            store = yaml.safe_load(each["data"]["providers"])["s3"]["default"]
            secret = store["credentials"]["secretRef"]
            if not {secret["accessKeyKey"], secret["secretKeyKey"]} <= SECRETS.get(secret["secretName"], set()):
                yield "kfp-launcher: no secret has these keys"
            ours = {
                f"{s['metadata']['name']}.{s['metadata']['namespace']}.svc:{s['spec']['ports'][0]['port']}"
                for s in of_kind(objects, "Service")
            }
            if ours and store["endpoint"] not in ours:
                yield "kfp-launcher: the store is elsewhere"
