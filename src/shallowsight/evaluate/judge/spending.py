"""What judging has cost so far, and the cap that it never passes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shallowsight.evaluate.judge.faults import Capped
from shallowsight.evaluate.judge.prompts import REPLY_TOKENS
from shallowsight.study.judge import Judge

_FRAME = 64  # tokens that an endpoint may put around the messages


@dataclass(frozen=True)
class Tokens:
    """Those sent and those written."""

    sent: int
    written: int

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.sent + other.sent, self.written + other.written)


def most_tokens(body: Mapping[str, Any]) -> Tokens:
    """At most so many tokens does a request cost: a token is at least one byte."""
    texts = json.dumps(body["messages"], ensure_ascii=False)
    return Tokens(len(texts.encode()) + _FRAME, REPLY_TOKENS)


@dataclass
class Spending:
    """Counts what the endpoint says; for a request without a whole reply, the most that it can have cost."""

    judge: Judge
    tokens: Tokens = Tokens(0, 0)
    requests: int = 0

    @property
    def money(self) -> float:
        return self.judge.money(self.tokens.sent, self.tokens.written)

    def require(self, most: Tokens) -> None:
        """Check that a request cannot pass the cap.

        Raises:
            Stopped: it could.
        """
        after = self.tokens + most
        if self.judge.money(after.sent, after.written) > self.judge.most_cost:
            raise Capped(f"the judge may cost no more: {self.money:.4g} of judge.most_cost={self.judge.most_cost:g}")

    def add(self, tokens: Tokens) -> None:
        self.tokens = self.tokens + tokens
