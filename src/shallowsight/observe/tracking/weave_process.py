"""The only program that imports weave: `python -m shallowsight.observe.tracking.weave_process check|send`.

It reads a batch from its input and prints an Outcome in the last line of its output. tracking/sender.py starts it, and
sets weave's own settings.
"""

import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shallowsight.observe.tracking.model_name import model_name
from shallowsight.observe.tracking.values import Batch, Evaluation, Outcome

if TYPE_CHECKING:
    from weave import EvaluationLogger
    from weave.trace.weave_client import WeaveClient

_OF_THE_MODEL = ("setting", "layers", "fusion", "connector", "seed", "tower", "language")
_OF_THE_EVALUATION = ("study", "setting", "seed", "cell_digest", "rows")
_LONGEST_REASON = 300  # the most letters of a reason
_LAST_WORDS = 0.5  # seconds in which weave may log more about a fault


def send(batch: Batch) -> Outcome:
    """Send the evaluations that the project does not have.

    The end of an evaluation is sent last, so that an evaluation with an end has all its rows.
    """
    import weave
    from weave.trace import init_message

    faults = _Faults()
    logging.getLogger("weave").addHandler(faults)
    # weave would ask PyPI for a newer version of itself, and has no setting to stop it.
    vars(init_message)["check_available"] = lambda version, package: None
    logging.getLogger(init_message.__name__).addFilter(_as_error)
    client = weave.init(batch.project)
    present = {study: _present(client, study) for study in {each.study for each in batch.evaluations}}
    missing = [each for each in batch.evaluations if _identity(_attributes(each)) not in present[each.study]]
    begun = [(each, _begin(client, each)) for each in missing]
    if any(each.rows for each in missing):
        client.flush()
    faults.end_if_any()
    for each, logger in begun:
        scores = {score.name: score.model_dump(exclude={"name"}) for score in each.scores}
        # weave's own summary would cover only the few rows that are sent.
        logger.log_summary(scores, auto_summarize=False)
    client.finish(use_progress_bar=False)
    faults.end_if_any()
    return Outcome(
        sent=tuple(each.name for each in missing),
        already_there=tuple(each.name for each in batch.evaluations if each not in missing),
    )


def _attributes(evaluation: Evaluation) -> dict[str, Any]:
    facts = evaluation.model_dump(mode="json", exclude={"scores", "rows"})
    return {**facts, "rows": len(evaluation.rows)}


def _identity(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """What identifies an evaluation: attributes, but not its name, which users may change on the web page."""
    return tuple(str(attributes.get(name)) for name in _OF_THE_EVALUATION)


def _present(client: "WeaveClient", study: str) -> set[tuple[str, ...]]:
    """The evaluations of a study that the project has completely."""
    of_study = {"$expr": {"$eq": [{"$getField": "attributes.study"}, {"$literal": study}]}}
    calls = client.get_calls(query=of_study, columns=["attributes", "output"])
    return {_identity(call.attributes) for call in calls if call.output is not None}


def _begin(client: "WeaveClient", evaluation: Evaluation) -> "EvaluationLogger":
    from weave import EvaluationLogger

    facts = _attributes(evaluation)
    model = {"name": model_name(evaluation.study, evaluation.setting)} | {k: facts[k] for k in _OF_THE_MODEL}
    # Not as the logger's eval_attributes: each evaluation would then become a separate weave.Evaluation, but a
    # leaderboard compares results of one only.
    client.attributes = facts
    logger = EvaluationLogger(
        name=evaluation.name,
        model=model,
        dataset=f"questions-{evaluation.questions_digest}",
        trace_scores=False,  # one more call for each score would repeat the same values
    )
    client.attributes = {}
    for row in evaluation.rows:
        asked = row.model_dump(include={"key", "benchmark", "question", "expected"})
        logger.log_example(asked, {"answer": row.answer}, {"correct": row.correct})
    return logger


def check() -> Outcome:
    """Check that there is a key: without one, weave would ask for it at the terminal."""
    from weave.wandb_interface.auth import get_wandb_credentials

    return Outcome(fault=None if get_wandb_credentials() else "weave finds no key")


class _Faults(logging.Handler):
    """Ends this process when weave logs an error: the object is lost, and weave may wait for ever for it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not self._said:
            # weave may log the reason in a second record.
            threading.Timer(_LAST_WORDS, self.end_if_any).start()
        self._said.append(record.getMessage())

    def end_if_any(self) -> None:
        if self._said:
            _end(Outcome(fault="; ".join(dict.fromkeys(self._said))))


def _as_error(record: logging.LogRecord) -> bool:
    """Turn a warning into an error: if server and client do not fit, weave warns and then sends nothing."""
    if record.levelno == logging.WARNING:
        record.levelno = logging.ERROR
    return True


def _end(outcome: Outcome) -> None:
    """Print the outcome and end at once: either all has been sent, or weave would retry for ever."""
    if outcome.fault is not None:
        outcome = Outcome(fault=_without_key(outcome.fault))
    sys.stdout.write(f"\n{outcome.model_dump_json()}")
    sys.stdout.flush()
    os._exit(0)


def _without_key(text: str) -> str:
    from weave.trace.env import weave_wandb_api_key

    key = weave_wandb_api_key()
    words = " ".join(text.split())
    return (words.replace(key, "***") if key else words)[:_LONGEST_REASON]


def main() -> None:
    """Check the access or send a batch, and print the outcome in the last line."""
    try:
        _end(check() if sys.argv[1] == "check" else send(Batch.model_validate_json(sys.stdin.read())))
    except Exception as error:  # weave, its HTTP clients and its GraphQL client raise errors of many types
        _end(Outcome(fault=f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    main()
