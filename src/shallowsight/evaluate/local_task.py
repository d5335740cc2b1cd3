"""The functions that lmms-eval calls for the local benchmarks, whose rows are the prepare cell's questions."""

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
    """The pictures of a question; the name is lmms-eval's."""
    return [_shards(doc["shards"]).image(doc["image"])] if doc.get("image") else []


def doc_to_text(doc: dict[str, Any], lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    """The text of a question; the name is lmms-eval's."""
    return str(doc["question"])


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Whether an answer is right. `sayable` is the true answer in the form that the model's tokenizer can produce."""
    targets = (doc["answer"], doc.get("sayable"))
    return {"accuracy": int(any(is_correct(results[0], str(target)) for target in targets if target is not None))}


def mean(values: Sequence[int]) -> float:
    """The mean of the scores of one metric, for lmms-eval's `aggregation`."""
    return sum(values) / len(values)
