"""What lmms-eval calls for the local benchmarks; their rows come from the prepare cell's questions."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from shallowsight.data.shards import Shards
from shallowsight.evaluate.matching import is_correct


@lru_cache(maxsize=2)
def _shards(folder: str) -> Shards:
    return Shards(Path(folder))


def doc_to_visual(doc: dict[str, Any]) -> list[Image.Image]:
    """lmms-eval's name for the pictures of a question."""
    return [_shards(doc["shards"]).image(doc["image"])] if doc.get("image") else []


def doc_to_text(doc: dict[str, Any], lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    """lmms-eval's name for the text of a question."""
    return str(doc["question"])


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """`sayable` is the answer as the model's tokenizer says it, where that may not be how the data writes it."""
    targets = (doc["answer"], doc.get("sayable"))
    return {"accuracy": int(any(is_correct(results[0], str(target)) for target in targets if target is not None))}


def mean(values: Sequence[int]) -> float:
    """lmms-eval's aggregation of the scores of one metric."""
    return sum(values) / len(values)
