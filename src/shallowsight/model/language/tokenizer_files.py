"""Read facts about a tokenizer from its files, without transformers' tokenizers, because these import torch.

Other facts are known once the tokenizer is loaded, when the data is prepared; see `tokenizer_checks`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import SmallFiles

CONFIG, WHOLE = "tokenizer_config.json", "tokenizer.json"
# The names of vocabulary files.
SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_VOCABULARIES = (WHOLE, *SENTENCEPIECE, "vocab.json", "vocab.txt", "tekken.json", "vocab.model")
_NEED_NONE = ("ByT5Tokenizer", "PerceiverTokenizer", "CanineTokenizer")  # every byte or letter is a token
# Classes without special tokens of their own: their only special tokens are those that the files name.
_PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")


@dataclass(frozen=True)
class TokenizerFacts:
    """`tokens` are the ids of tokens that can be in a text, `control` those of special tokens; empty if not known."""

    tokens: dict[str, int]
    control: dict[str, int]
    has_no_end: bool  # False: the tokenizer has an eos token, or its class may define one
    used: frozenset[str]  # special tokens that are in every sequence


def require_tokenizer(files: SmallFiles) -> None:
    """Raises ConfigurationError for a model without a tokenizer, or with one that cannot be read on this machine."""
    if files.names is None:
        return
    found = sorted(files.names.intersection(_VOCABULARIES))
    if not found and (files.read(CONFIG) or {}).get("tokenizer_class") not in _NEED_NONE:
        raise ConfigurationError(
            f"{files.key}: no tokenizer in {files.model}; save it there with "
            "AutoTokenizer.from_pretrained(the model that it comes from).save_pretrained"
        )
    if found and set(found) <= set(SENTENCEPIECE) and (why := _why_no_sentencepiece()):
        raise ConfigurationError(
            f"{files.key}: the tokenizer of {files.model} is only {found[0]}, which needs the package sentencepiece "
            f"({why}); save it as {WHOLE} where it can be loaded, with AutoTokenizer...save_pretrained"
        )


def _why_no_sentencepiece() -> str | None:
    try:
        # The same import as in transformers: an installed sentencepiece may not fit the installed protobuf.
        from sentencepiece import sentencepiece_model_pb2  # noqa: F401
    except ImportError:
        return "not installed: pip install sentencepiece"
    except Exception as error:  # protobuf's error has no public type
        return str(error).partition(". ")[0]
    return None


def read_tokenizer(files: SmallFiles) -> TokenizerFacts:
    """Read the facts; raises ConfigurationError for a file that is not JSON."""
    config, whole = files.read(CONFIG) or {}, files.read(WHOLE) or {}
    named = (files.read("special_tokens_map.json") or {}) | config
    added = {name: (i, special) for i, name, special in _added(config, whole)}
    tokens = _vocabulary(whole) | {name: i for name, (i, _) in added.items()}
    control = {name for name, (_, special) in added.items() if special}
    end, start = _content(named.get("eos_token")), _content(named.get("bos_token"))
    return TokenizerFacts(
        tokens={name: i for name, i in tokens.items() if name not in control},
        control={name: i for name, i in tokens.items() if name in control},
        has_no_end=end is None and ("eos_token" in named or config.get("tokenizer_class") in _PLAIN),
        used=frozenset(name for name in (end, start) if name is not None),
    )


def _vocabulary(whole: dict[str, Any]) -> dict[str, int]:
    """Token -> id, from the model in tokenizer.json, which has a mapping, or for Unigram a list of piece and score."""
    model = whole.get("model")
    found = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(found, list):
        return {str(piece[0]): i for i, piece in enumerate(found) if isinstance(piece, list) and piece}
    return {str(name): i for name, i in found.items() if isinstance(i, int)} if isinstance(found, dict) else {}


def _added(config: dict[str, Any], whole: dict[str, Any]) -> Iterator[tuple[int, str, bool]]:
    """The id and text of each added token outside the vocabulary, and whether it is special."""
    tokens, named = whole.get("added_tokens"), config.get("added_tokens_decoder")
    listed = [(t.get("id"), t) for t in tokens if isinstance(t, dict)] if isinstance(tokens, list) else []
    for number, token in [*listed, *(named.items() if isinstance(named, dict) else ())]:
        if str(number).isdecimal() and isinstance(token, dict):
            yield int(number), str(token.get("content")), bool(token.get("special"))


def _content(token: object) -> str | None:
    """The text of a special token, for which the files have the text or an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None
