"""Decide all answers of an evaluation: by rule, and by asking a judge about the rest."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from shallowsight.evaluate.judge.cache import Cache, key_of
from shallowsight.evaluate.judge.client import Client, connected, require_packages
from shallowsight.evaluate.judge.decisions import Decision
from shallowsight.evaluate.judge.faults import Capped, Refused, Stopped
from shallowsight.evaluate.judge.key import read_key
from shallowsight.evaluate.judge.patience import Patience
from shallowsight.evaluate.judge.prompts import LONGEST_ANSWER, allowed, decision, request
from shallowsight.evaluate.judge.questions import Question
from shallowsight.evaluate.judge.spending import Spending
from shallowsight.study.judge import Judge

log = logging.getLogger(__name__)

_NOT_ASKED = "no rule decides it, and no judge was asked (judge.ask)"


@dataclass(frozen=True)
class Asking:
    """A judge that may be asked: its settings, its key, the file with its earlier replies."""

    judge: Judge
    key: SecretStr | None
    cache: Cache
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def prepared(cls, judge: Judge, cache: Path) -> "Asking | None":
        """None where `judge.ask` is off. To be called before the model answers, so that a mistake costs no time.

        Raises:
            ConfigurationError: the key or the cache cannot be used.
            MissingPackage: httpx2 or tenacity is not installed.
        """
        if not judge.ask:
            return None
        require_packages()
        return cls(judge, read_key(judge.url), Cache.open(cache))


def decide(questions: Sequence[Question], asking: Asking | None) -> list[Decision]:
    """A decision for each question, in their order. No fault of a judge raises: its questions are then undecided."""
    by_rule = [question.by_rule() for question in questions]
    if asking is None:
        return [found or Decision.undecided(_NOT_ASKED) for found in by_rule]
    todo = [question for question, found in zip(questions, by_rule, strict=True) if found is None]
    asked = iter(asyncio.run(_asked(todo, asking)) if todo else ())
    return [found or next(asked) for found in by_rule]


async def _asked(questions: Sequence[Question], asking: Asking) -> list[Decision]:
    spending = Spending(asking.judge)
    async with connected(asking.key, asking.patience, spending) as client:
        round_ = _Round(asking, client)
        found = [await round_.decision(question) for question in questions]
    undecided = sum(each.by is None for each in found)
    log.info(
        "judge %s: %d answers, %d from the cache, %d undecided; %d requests, %d tokens sent, %d written, cost %.4g",
        asking.judge.model, len(found), sum(each.by == "cache" for each in found), undecided,
        spending.requests, spending.tokens.sent, spending.tokens.written, spending.money,
    )  # fmt: skip
    return found


@dataclass
class _Round:
    asking: Asking
    client: Client
    stopped: Decision | None = None  # of the other questions, once nothing more is asked

    async def decision(self, question: Question) -> Decision:
        if len(question.answer) > LONGEST_ANSWER:
            return Decision.undecided(f"the answer has more than {LONGEST_ANSWER} characters")
        body = request(question, self.asking.judge)
        key, cache = key_of(body), self.asking.cache
        if key in cache.replies:
            return decision(question, cache.replies[key], cached=True)
        if self.stopped is not None:
            return self.stopped
        try:
            reply = await self.client.ask(body)
        except Refused as fault:
            return Decision.undecided(f"no reply from the judge: {fault}", again=True)
        except Stopped as fault:
            self.stopped = Decision.undecided(str(fault), again=not isinstance(fault, Capped))
            log.warning("the judge is not asked any more: %s. Its other answers are undecided", fault)
            return self.stopped
        kept = reply if reply in allowed(question) else None
        cache.add(key, kept)
        return decision(question, kept, cached=False)
