"""Whether another model judges the answers that no rule decides, which one, and what that may cost."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from shallowsight.study.fields import Part, Positive

_Money = Annotated[float, Field(ge=0)]


class Judge(Part):
    """A chat endpoint of OpenAI's form. Its key is no setting: it comes from the environment or a mounted file.

    Prices and `most_cost` are in one currency, whichever it is.
    """

    ask: bool = False  # off: no answer leaves the machine, and what no rule decides is undecided
    url: str = "https://api.deepseek.com"  # the request goes to url/chat/completions
    model: str = "deepseek-flash"
    # DeepSeek's models think before they answer unless told not to; not_said: for endpoints that refuse the word.
    thinking: Literal["disabled", "not_said"] = "disabled"
    price_input: _Money | None = None  # of a million tokens that are sent
    price_output: _Money | None = None  # of a million tokens that are written
    most_cost: _Money = 1.0  # of one evaluation, which is one setting and one seed
    requests_per_minute: Positive = 60

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if self.ask and (self.price_input is None or self.price_output is None):
            raise ValueError(
                "judge.price_input and judge.price_output: what a million tokens cost there, which judge.most_cost is "
                "compared with; 0 for a server of your own"
            )
        return self

    @model_validator(mode="after")
    def _url_is_an_address(self) -> Self:
        # Of the whole part, because the message of a key shows its value, and this one may contain a password.
        if not _is_address(self.url):
            raise ValueError(
                "judge.url: write https://host[:port][/path] or http://host[:port][/path], without user name, "
                "password, ? and #"
            )
        if not self.model.strip():
            raise ValueError("judge.model: name the model, as its endpoint calls it")
        return self

    def money(self, sent: int, written: int) -> float:
        """What so many tokens cost."""
        return (sent * (self.price_input or 0.0) + written * (self.price_output or 0.0)) / 1e6


def _is_address(url: str) -> bool:
    try:
        parsed = urlsplit(url)
        port = parsed.port  # asking for it checks it
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    named = bool(parsed.hostname) and parsed.username is None and port != 0
    return plain and named and parsed.scheme in {"http", "https"} and "?" not in url and "#" not in url
