"""The functions that lmms-eval calls for the local benchmarks, whose rows are the prepare cell's questions."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from shallowsight.data.shards import Shards
from shallowsight.evaluate.scoring import TrueAnswer, score


@lru_cache(maxsize=2)
def _shards(folder: str) -> Shards:
    return Shards(Path(folder))


def doc_to_visual(doc: dict[str, Any]) -> list[Image.Image]:
    """The pictures of a question; the name is lmms-eval's."""
    return [_shards(doc["shards"]).image(doc["image"])] if doc.get("image") else []


def doc_to_text(doc: dict[str, Any], lmms_eval_specific_kwargs: dict[str, Any] | None = None) -> str:
    """The text of a question; the name is lmms-eval's."""
    return str(doc["question"])


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """The score of an answer. `sayable` has each true answer in the form that the model's tokenizer can produce."""
    answer, *accepted = map(TrueAnswer, (doc["answer"], *doc["accepted"]), doc["sayable"])
    return {"accuracy": score(doc["score"], results[0], answer, accepted)}


def mean(values: Sequence[float]) -> float:
    """The mean of the scores of one metric, for lmms-eval's `aggregation`."""
    return sum(values) / len(values)
