"""Whether a tokenizer and a language model fit: asked of files before a study begins, of the loaded one with its data.

The sentences are the same.
"""

from collections.abc import Collection, Mapping

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.tokenizer_files import TokenizerFacts

_KEY = "language.model"


def require_end(model: str, has_end: bool) -> None:
    """Raises ConfigurationError for a tokenizer without an eos token."""
    if not has_end:
        raise ConfigurationError(
            f"{_KEY}: the tokenizer of {model} has no eos token, with which an answer ends; name one as eos_token in "
            "its tokenizer_config.json, or use another model"
        )


def require_embeddings(
    model: str, tokens: Mapping[str, int], control: Mapping[str, int], used: Collection[str], rows: int
) -> None:
    """Raises ConfigurationError for a token without one of the `rows` embeddings.

    Of special tokens only the `used` ones count: no text ever becomes another one, such as an added padding.
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
    """The two of the files of a tokenizer; `rows` as config.json has them."""
    require_end(model, not facts.has_no_end)
    if isinstance(rows, int):
        require_embeddings(model, facts.tokens, facts.control, facts.used, rows)
