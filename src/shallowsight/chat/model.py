"""What a model is for a chat, and how its answer appears while it is made."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor
from transformers.generation.streamers import BaseStreamer

Turns = Sequence[tuple[str, str]]  # question and answer
Say = Callable[[str], None]  # writes a piece of text at once
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # in place of a letter of which some bytes are still missing


class ChatModel(ABC):
    """A model that knows the picture it is asked about."""

    @abstractmethod
    def answer(self, question: str, earlier: Turns, say: Say) -> str:
        """The answer; `say` is given its pieces as they are made."""

    @abstractmethod
    def has_room(self, question: str, earlier: Turns) -> bool:
        """Whether the question and its answer are within the length of the model's training texts."""


class Spoken(BaseStreamer):  # type: ignore[misc]
    """Says an answer while its tokens arrive. Unlike transformers' TextStreamer, it says exactly what `decode` gives.

    `decode` gives the text of the tokens so far. It may change letters at the end until further tokens arrive.
    """

    def __init__(self, decode: Callable[[list[int]], str], say: Say, prompt: int) -> None:
        """`prompt` is the number of tokens that arrive before the answer."""
        self._decode, self._say, self._waiting = decode, say, prompt
        self._ids: list[int] = []
        self.said = ""

    def put(self, value: Tensor) -> None:
        ids = value.flatten().tolist()
        skipped = min(self._waiting, len(ids))
        self._waiting -= skipped
        self._ids += ids[skipped:]
        self._say_more(self._decode(self._ids).rstrip(_UNFINISHED))

    def end(self) -> None:
        self._say_more(self._decode(self._ids))

    def _say_more(self, text: str) -> None:
        if text.startswith(self.said):
            more, self.said = text.removeprefix(self.said), text
            if more:
                self._say(more)
