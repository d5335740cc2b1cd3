"""Turn users' text into token ids and back. Text never becomes a control token, even if it has a token's name."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # a vocabulary's name for a single byte


class Tokenizer(Protocol):
    """The part of transformers' tokenizers, fast and slow, that is used here."""

    bos_token_id: int | None
    eos_token_id: int
    unk_token_id: int | None

    def __hash__(self) -> int: ...
    @property
    def all_special_ids(self) -> Sequence[int]: ...
    @property
    def added_tokens_decoder(self) -> Mapping[int, Any]: ...
    def encode(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool) -> list[int]: ...
    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool) -> str: ...
    def convert_ids_to_tokens(self, ids: Any) -> Any: ...
    def convert_tokens_to_ids(self, tokens: Any) -> Any: ...


def plain_ids(text: str, tokenizer: Tokenizer) -> list[int]:
    """The ids of a text; `</s>` or `<|endoftext|>` in it are encoded letter by letter."""
    if not text:
        return []
    ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    control = control_ids(tokenizer)
    if control.isdisjoint(ids):
        return ids
    # In a unigram model the control tokens are also pieces of the vocabulary, so the model finds them in a text.
    return [part for i in ids for part in (_spelled(i, tokenizer) if i in control else [i])]


def plain_text(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    """The text of the ids without control tokens; the token for an unknown word stays visible."""
    control = control_ids(tokenizer)
    # Not by skip_special_tokens, which removes the unknown token too: a wrong answer could then look right.
    return tokenizer.decode([i for i in ids if i not in control], skip_special_tokens=False)


def sayable(text: str, tokenizer: Tokenizer) -> str | None:
    """The text after this tokenizer's encoding and decoding, which may change case, spaces or composed letters.

    None if the tokenizer has no tokens for a part of the text.
    """
    ids = plain_ids(text, tokenizer)
    return None if tokenizer.unk_token_id in ids else plain_text(ids, tokenizer).strip() or None


@lru_cache(maxsize=4)
def control_ids(tokenizer: Tokenizer) -> frozenset[int]:
    """All special tokens (start, end, padding, roles ...) except the unknown token and the single bytes."""
    marked = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    special = {*tokenizer.all_special_ids, *marked}
    # GPT-2 uses one token for start, end and unknown; its texts never need it as the unknown token.
    if tokenizer.unk_token_id not in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        special -= {tokenizer.unk_token_id}
    return frozenset(i for i in special if not _BYTE.fullmatch(str(tokenizer.convert_ids_to_tokens(i))))


def _spelled(control: int, tokenizer: Tokenizer) -> list[int]:
    """The name of a control token, letter by letter; a letter without a token becomes bytes, or unknown."""
    ids = []
    for letter in tokenizer.convert_ids_to_tokens(control):
        found = [tokenizer.convert_tokens_to_ids(letter)]
        if found[0] in (None, tokenizer.unk_token_id):
            as_bytes = [tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>") for byte in letter.encode()]
            found = found if {None, tokenizer.unk_token_id} & set(as_bytes) else as_bytes
        ids += [i for i in found if i is not None and i not in control_ids(tokenizer)]
    return ids
