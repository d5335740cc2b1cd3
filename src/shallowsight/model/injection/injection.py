"""The layers of a setting that enter the language model, and how they reach it during a call.

Shapes: P pictures, N patches, D vision width, B rows, T tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel

from shallowsight.model.injection.decoder import Change, Decoder
from shallowsight.model.injection.part import Part, Read
from shallowsight.model.injection.places import Places


class _Call:
    """One call of the language model: a forward pass, or a generation of many passes."""

    def __init__(self, parts: Sequence[Part], decoder: Decoder, read: Sequence[Read], places: Places) -> None:
        self.parts, self.decoder, self.read = parts, decoder, read
        self.places, self._passes = places, 0

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """Within this context the language model gets what was read."""
        with ExitStack() as hooks:
            for part, read in zip(self.parts, self.read, strict=True):
                hooks.callback(part.attach(self.decoder, self._change(part, read)).remove)
            yield

    def _change(self, part: Part, read: Read) -> Change:
        def change(states: Tensor) -> Tensor:
            changed: Tensor = part(states, read, self.places)
            return changed

        return change

    def begin_pass(self, *_: object) -> None:
        """The first pass is that of the rows; each of the others adds one token to every row."""
        self._passes += 1
        if self._passes == 2:
            self.places = self.places.next()


class Injection(nn.ModuleList):
    """One part for each layer that enters the language model; empty for a fusion outside it."""

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        super().__init__(parts)
        self._call: _Call | None = None

    @property
    def parts(self) -> list[Part]:
        return list(self)  # type: ignore[arg-type]

    @contextmanager
    def into(self, language: PreTrainedModel, features: Mapping[int, Tensor], places: Places) -> Iterator[None]:
        """Within this context one forward pass or one generation of the language model gets the pictures' features.

        `features` holds [P, N, D] for each layer. In a generation the first pass is that of the prompts. At the end the
        language model is as before, whatever happened.
        """
        read = [part.read(features[part.layer]) for part in self.parts]
        call = _Call(self.parts, Decoder(language), read, places)
        with call.decoder.model.register_forward_pre_hook(call.begin_pass), call.hooked():
            self._call = call
            try:
                yield
            finally:
                self._call = None

    def contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """The contexts in which activation checkpointing computes a layer, and computes it again.

        The second time is in the backward pass, when the call is over.
        """
        return nullcontext(), nullcontext() if self._call is None else self._call.hooked()
