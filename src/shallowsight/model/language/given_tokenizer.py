"""Load the tokenizer of a language model that the user names, and check that it fits the model."""

from typing import TYPE_CHECKING

from shallowsight.errors import ConfigurationError
from shallowsight.model.files.pinned import texts_of
from shallowsight.model.language.tokenizer_checks import require_embeddings, require_end
from shallowsight.study.experiment import Language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def given_tokenizer(language: Language) -> "PreTrainedTokenizerBase":
    """The tokenizer; loads no weights.

    Raises:
        ConfigurationError: the tokenizer cannot be loaded, or does not fit the model.
        OSError: the hub does not answer.
    """
    from transformers import AutoConfig, AutoTokenizer

    model = language.model
    files = texts_of("language.model", model, language.revision)
    try:
        config = AutoConfig.from_pretrained(files.place, revision=files.revision)
        tokenizer = AutoTokenizer.from_pretrained(files.place, revision=files.revision)
    except OSError:
        raise
    except Exception as error:  # the libraries that read these files raise errors of many types
        raise ConfigurationError(
            f"language.model: transformers cannot load the configuration and tokenizer of {model}: "
            f"{(str(error).splitlines() or [type(error).__name__])[0]}; name another model, or save this model again"
        ) from error
    require_end(model, tokenizer.eos_token_id is not None)
    control = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    known = tokenizer.get_vocab()
    tokens = {name: i for name, i in known.items() if name not in control}
    special = {name: i for name, i in known.items() if name in control}
    used = {token for token in (tokenizer.bos_token, tokenizer.eos_token) if token is not None}
    require_embeddings(model, tokens, special, used, config.get_text_config().vocab_size)
    return tokenizer
