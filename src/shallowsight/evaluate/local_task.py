"""What lmms-eval calls for the local benchmarks; their rows come from the prepare cell's questions."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from shallowsight.data.shards import Shards


@lru_cache(maxsize=2)
def _shards(folder: str) -> Shards:
    return Shards(Path(folder))


def doc_to_visual(doc: dict[str, Any]) -> list[Image.Image]:
    return [_shards(doc["shards"]).image(doc["image"])] if doc.get("image") else []


def doc_to_text(doc: dict[str, Any], lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    return str(doc["question"])


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    return {"accuracy": int(is_correct(results[0], str(doc["answer"])))}


def is_correct(prediction: str, target: str) -> bool:
    """Exact match but for case, surrounding space and a full stop at the end."""
    return _normal(prediction) == _normal(target)


def mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


def _normal(text: str) -> str:
    return text.strip().lower().removesuffix(".")
