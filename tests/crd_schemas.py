"""Custom resources against the schemas of their CRDs, as strictly as an API server that is asked to be strict.

Not covered: CEL rules (`x-kubernetes-validations`), defaults and admission webhooks.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "shared" / "crds"
_OBJECT: dict[str, Any] = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
_METADATA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
        "namespace": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63},
        "labels": {
            "type": "object",
            "propertyNames": {"pattern": r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"},
            "additionalProperties": {
                "type": "string",
                "pattern": r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
            },
        },
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


class Schemas:
    """The kinds that a folder of CRDs knows, each as (apiVersion, kind)."""

    def __init__(self, folder: Path) -> None:
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}
        for definition in _definitions(folder):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = _strict(version["schema"]["openAPIV3Schema"])
                schema["properties"] = schema.get("properties", {}) | _OBJECT | {"metadata": _METADATA}
                key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                self._validators[key] = Draft202012Validator(schema)

    @property
    def kinds(self) -> set[tuple[str, str]]:
        return set(self._validators)

    def faults(self, resource: dict[str, Any]) -> list[str]:
        """What is wrong with a resource, each with its path; a kind that no CRD names is a fault too."""
        key = (resource.get("apiVersion", ""), resource.get("kind", ""))
        if key not in self._validators:
            return [f"no CRD for {key[1]} of {key[0]}"]
        found = self._validators[key].iter_errors(resource)
        return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in found]


@lru_cache
def _read(folder: Path) -> Schemas:
    return Schemas(folder)


def crd_schemas() -> Schemas:
    """Of all CRDs that lie beside the repository; the test is skipped where there are none."""
    if not FOLDER.is_dir():
        pytest.skip(f"no CRDs to check against: there is no folder {FOLDER}")
    return _read(FOLDER)


def _definitions(folder: Path) -> Iterator[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # half a minute in pure Python
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader=loader):
            if document and document.get("kind") == "CustomResourceDefinition":
                yield document


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A structural schema as JSON Schema; a field that it does not name is refused."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "nullable"}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in schema:
        made["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _strict(schema["additionalProperties"])
    elif "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    if "items" in schema:
        made["items"] = _strict(schema["items"])
    if schema.get("x-kubernetes-list-type") == "set":
        made["uniqueItems"] = True
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made
