"""Check that a tokenizer fits a language model: from its files before a study begins, and once more when it is loaded.

The messages are the same both times.
"""

from collections.abc import Collection, Mapping

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.tokenizer_files import TokenizerFacts

_KEY = "language.model"


def require_end(model: str, has_end: bool) -> None:
    """Raises ConfigurationError for a tokenizer without an eos token."""
    if not has_end:
        raise ConfigurationError(
            f"{_KEY}: the tokenizer of {model} has no eos token to end an answer with; name one as eos_token in its "
            "tokenizer_config.json, or use another model"
        )


def require_embeddings(
    model: str, tokens: Mapping[str, int], control: Mapping[str, int], used: Collection[str], rows: int
) -> None:
    """Raises ConfigurationError for a token whose id is beyond the `rows` embeddings of the model.

    Of special tokens only the `used` ones are checked: the others, such as an added padding token, are in no text.
    """
    seen = [*tokens.items(), *((name, i) for name, i in control.items() if name in used)]
    beyond = sorted(((i, name) for name, i in seen if i >= rows))
    if beyond:
        many = f"{len(beyond)} tokens" if len(beyond) > 1 else "a token"
        raise ConfigurationError(
            f"{_KEY}: the tokenizer of {model} has {many} beyond the {rows} embeddings (vocab_size) of the model, "
            f"for instance {beyond[0][1]!r} with the id {beyond[0][0]}; give the model its own tokenizer, or save it "
            "again after resize_token_embeddings"
        )


def require_fit(model: str, facts: TokenizerFacts, rows: object) -> None:
    """Run both checks on the files of a tokenizer; `rows` is the vocab_size of config.json."""
    require_end(model, not facts.has_no_end)
    if isinstance(rows, int):
        require_embeddings(model, facts.tokens, facts.control, facts.used, rows)
