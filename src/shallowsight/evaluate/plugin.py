"""The entry point of the group `lmms_eval.models`, through which lmms-eval finds this package's model."""

from typing import Any


def manifests() -> list[Any]:
    """Lets `lmms-eval --model shallowsight --model_args checkpoint=FOLDER` evaluate a finetuned checkpoint."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return [ModelManifest(model_id="shallowsight", simple_class_path="shallowsight.evaluate.adapter.ShallowsightModel")]
