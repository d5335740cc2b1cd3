"""Ask a chat endpoint of OpenAI's form: one request at a time, with retries, a pace, and a cap on the cost."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from shallowsight.errors import MissingPackage
from shallowsight.evaluate.judge.faults import Passing, Refused, Stopped
from shallowsight.evaluate.judge.key import KEY, KEY_FILE
from shallowsight.evaluate.judge.patience import Pace, Patience, asked_wait
from shallowsight.evaluate.judge.replies import content_of, tokens_of
from shallowsight.evaluate.judge.spending import Spending, most_tokens

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from tenacity import RetryCallState

log = logging.getLogger(__name__)

_LARGEST = 1_000_000  # bytes of a reply
_PASSING = {408, 425, 429}  # and 500 to 599
_STOPPING = {
    402: "the account has no money left (status 402)",
    404: "there is no such endpoint or model (status 404): check judge.url and judge.model",
    405: "there is no chat endpoint (status 405): check judge.url",
}


@dataclass
class Client:
    """Answers come in the order of the questions; a fault of the server never leaves this class as another error."""

    http: "AsyncClient"
    url: str
    key: SecretStr | None
    patience: Patience
    spending: Spending
    pace: Pace
    failed: int = 0  # questions in a row

    async def ask(self, body: Mapping[str, Any]) -> str:
        """What the judge writes, without space around it.

        Raises:
            Refused: this question gets no reply.
            Stopped: no further question gets one, because of the key, the address, the cost, or too many failures.
        """
        try:
            reply = await self._with_retries(body)
        except (Passing, Refused) as fault:
            self.failed += 1
            if self.failed >= self.patience.failures:
                raise Stopped(f"{self.failed} questions in a row got no reply, the last one because {fault}") from None
            raise Refused(str(fault)) from None
        self.failed = 0
        return reply

    async def _with_retries(self, body: Mapping[str, Any]) -> str:
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        growing = wait_random_exponential(multiplier=self.patience.first_pause, max=self.patience.longest_pause)

        def pause(state: "RetryCallState") -> float:
            fault = state.outcome.exception() if state.outcome else None
            return max(growing(state), fault.after or 0.0 if isinstance(fault, Passing) else 0.0)

        asking = AsyncRetrying(
            stop=stop_after_attempt(self.patience.tries),
            wait=pause,
            retry=retry_if_exception_type(Passing),
            reraise=True,
        )
        return await asking(self._try, body)

    async def _try(self, body: Mapping[str, Any]) -> str:
        from httpx2 import ConnectError, ConnectTimeout, HTTPError, InvalidURL

        most = most_tokens(body)
        self.spending.require(most)
        await asyncio.sleep(self.pace.pause(asyncio.get_running_loop().time()))
        self.spending.requests += 1
        try:
            async with asyncio.timeout(self.patience.seconds):
                status, after, received = await self._send(body)
        except (ConnectError, ConnectTimeout):
            raise Passing("it cannot be reached") from None
        except TimeoutError:
            self.spending.add(most)
            raise Passing(f"it gave no whole reply within {self.patience.seconds:g} s") from None
        except (InvalidURL, UnicodeError):
            raise Stopped("judge.url is not the address of a machine") from None
        except (HTTPError, Passing) as fault:
            self.spending.add(most)
            raise Passing(str(fault) if isinstance(fault, Passing) else "the connection was cut") from None
        self._require_ok(status, after)
        self.spending.add(tokens_of(received) or most)
        return content_of(received)

    async def _send(self, body: Mapping[str, Any]) -> tuple[int, str | None, bytes]:
        """Status, Retry-After, and the body where the status is 200. Other bodies may repeat parts of the key."""
        content = json.dumps(body, ensure_ascii=True).encode()
        received = bytearray()
        async with self.http.stream("POST", self.url, content=content, headers=self._headers()) as response:
            if response.status_code == 200:
                async for part in response.aiter_raw():
                    received += part
                    if len(received) > _LARGEST:
                        raise Passing(f"its reply has more than {_LARGEST} bytes")
            return response.status_code, response.headers.get("Retry-After"), bytes(received)

    def _headers(self) -> dict[str, str]:
        # A compressed reply could be much larger than what arrives.
        common = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        return common | ({"Authorization": f"Bearer {self.key.get_secret_value()}"} if self.key else {})

    def _require_ok(self, status: int, retry_after: str | None) -> None:
        if status == 200:
            return
        if status in {401, 403}:
            given = f"refuses the key of {KEY} or {KEY_FILE}" if self.key else f"wants a key: set {KEY} or {KEY_FILE}"
            raise Stopped(f"the endpoint {given} (status {status})")
        if 300 <= status < 400:
            raise Stopped(f"the endpoint sends elsewhere (status {status}), where no key and no answer is sent")
        if status in _STOPPING:
            raise Stopped(_STOPPING[status])
        if status in _PASSING or status >= 500:
            after = asked_wait(retry_after)
            if after is not None and after > self.patience.longest_wait:
                raise Stopped(f"the endpoint asks to wait {after:.0f} s (status {status})")
            raise Passing(f"it answered with status {status}", after)
        if 200 < status < 300:
            raise Passing(f"it answered with status {status}, which has no reply")
        raise Refused(f"it answered with status {status}: check judge.model and judge.thinking")


def require_packages() -> None:
    """Check that a judge can be asked.

    Raises:
        MissingPackage: httpx2 or tenacity is not installed.
    """
    try:
        import httpx2  # noqa: F401
        import tenacity  # noqa: F401
    except ImportError as error:
        raise MissingPackage(error.name or "httpx2", extra="evaluate") from error


@asynccontextmanager
async def connected(key: SecretStr | None, patience: Patience, spending: Spending) -> AsyncIterator[Client]:
    """A client for as long as questions are asked."""
    from httpx2 import AsyncClient, Timeout

    judge = spending.judge
    url = f"{judge.url.rstrip('/')}/chat/completions"
    # The whole of a try has its own limit. A connection that is not made in half of it is told apart: it costs nothing.
    limit = Timeout(None, connect=patience.seconds / 2)
    async with AsyncClient(timeout=limit, follow_redirects=False) as http:
        yield Client(http, url, key, patience, spending, Pace(judge.requests_per_minute))
