"""No key and no password stands in a manifest."""

import re
from collections.abc import Iterator

from overlays import Object, Pod, of_kind

_SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_KEY|ROOT_USER)", re.IGNORECASE)
_ASSIGNED = re.compile(r"(?i)(password|secret_?key|token)['\"]?\s*[:=]\s*['\"]?[A-Za-z0-9+/_-]{8,}")
_DEFAULTS = ("minioadmin", "minio123", "changeme")


def complaints(objects: list[Object], pods: list[Pod]) -> list[str]:
    return list(_complaints(objects, pods))


def _complaints(objects: list[Object], pods: list[Pod]) -> Iterator[str]:
    if of_kind(objects, "Secret"):
        yield "a Secret is made by the user, never by us"
    for pod in pods:
        for container in pod.containers:
            for variable in container.get("env", []):
                from_file = variable["name"].endswith("_FILE") and variable.get("value", "").startswith("/")
                from_secret = "secretKeyRef" in variable.get("valueFrom", {})
                if _SECRET.search(variable["name"]) and not from_file and not from_secret:
                    yield f"{pod.name}: {variable['name']} comes from no Secret"
            for word in [*container.get("command", []), *container.get("args", [])]:
                if _SECRET.search(word) or "$(" in word:
                    yield f"{pod.name}: a command line may show a key"
    for each in objects:
        text = str(each)
        if each["kind"] == "ConfigMap" and _ASSIGNED.search(text):
            yield f"{each['metadata']['name']}: holds what looks like a password"
        if any(default in text for default in _DEFAULTS):
            yield f"{each['metadata']['name']}: holds a default password"
