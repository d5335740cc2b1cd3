"""How lmms-eval finds this project's models: the entry point of the group `lmms_eval.models`."""

from typing import Any


def manifests() -> list[Any]:
    """`lmms-eval --model shallowsight --model_args checkpoint=FOLDER` evaluates a finetuned checkpoint."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return [ModelManifest(model_id="shallowsight", simple_class_path="shallowsight.evaluate.adapter.ShallowsightModel")]
