"""What the files of a tokenizer say of it before it is loaded. Needs no torch, which transformers' tokenizers import.

What only a loaded tokenizer knows is asked of it when the data is prepared; see `tokenizer_checks`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import SmallFiles

CONFIG, WHOLE = "tokenizer_config.json", "tokenizer.json"
# Vocabularies as families call them.
SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_VOCABULARIES = (WHOLE, *SENTENCEPIECE, "vocab.json", "vocab.txt", "tekken.json", "vocab.model")
_NEED_NONE = ("ByT5Tokenizer", "PerceiverTokenizer", "CanineTokenizer")  # every byte or letter is a token
# Classes that have no special tokens of their own: what the files do not name there is not.
_PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")


@dataclass(frozen=True)
class TokenizerFacts:
    """`tokens` are the ids of what can stand in a text, `control` those of special tokens; empty where not known."""

    tokens: dict[str, int]
    control: dict[str, int]
    has_no_end: bool  # False: it has an eos token, or only its class knows
    used: frozenset[str]  # special tokens that stand in every sequence


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
            f"{files.key}: the tokenizer of {files.model} is {found[0]} alone, which needs the package sentencepiece "
            f"({why}); save it as {WHOLE} where it can be loaded, with AutoTokenizer...save_pretrained"
        )


def _why_no_sentencepiece() -> str | None:
    try:
        # As transformers does: the package may be there and not fit the protobuf beside it.
        from sentencepiece import sentencepiece_model_pb2  # noqa: F401
    except ImportError:
        return "not installed: pip install sentencepiece"
    except Exception as error:  # protobuf's own, which has no public type
        return str(error).partition(". ")[0]
    return None


def read_tokenizer(files: SmallFiles) -> TokenizerFacts:
    """Raises ConfigurationError for a file that is no JSON."""
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
    """Of the model in tokenizer.json: a mapping, or Unigram's list of piece and score."""
    model = whole.get("model")
    found = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(found, list):
        return {str(piece[0]): i for i, piece in enumerate(found) if isinstance(piece, list) and piece}
    return {str(name): i for name, i in found.items() if isinstance(i, int)} if isinstance(found, dict) else {}


def _added(config: dict[str, Any], whole: dict[str, Any]) -> Iterator[tuple[int, str, bool]]:
    """Id, text and whether it is special, of tokens beside the vocabulary."""
    tokens, named = whole.get("added_tokens"), config.get("added_tokens_decoder")
    listed = [(t.get("id"), t) for t in tokens if isinstance(t, dict)] if isinstance(tokens, list) else []
    for number, token in [*listed, *(named.items() if isinstance(named, dict) else ())]:
        if str(number).isdecimal() and isinstance(token, dict):
            yield int(number), str(token.get("content")), bool(token.get("special"))


def _content(token: object) -> str | None:
    """A special token is named by its text, or described by an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None
