"""Say which tasks ask questions that are longer than anything that the model was trained with."""

import logging
from collections.abc import Iterable

log = logging.getLogger(__name__)


def warn_of_long_prompts(prompts: Iterable[tuple[str, int]], limit: int) -> None:
    """One warning for each task with prompts that leave no token for an answer within `limit` (language.max_length).

    `prompts` has the name of the task and the length in tokens, image tokens included, of every prompt. The local
    benchmarks leave such questions out; other tasks of lmms-eval are asked as they are.
    """
    lengths: dict[str, list[int]] = {}
    for task, length in prompts:
        lengths.setdefault(task, []).append(length)
    for task, found in lengths.items():
        if long := sum(length >= limit for length in found):
            log.warning(
                "task %s: %d of %d prompts are too long for this model, the longest has %d tokens; it was trained on "
                "sequences of at most language.max_length=%d tokens, answer included, so its answers to these mean "
                "little. Ask shorter questions, or train with a larger language.max_length",
                task,
                long,
                len(found),
                max(found),
                limit,
            )
