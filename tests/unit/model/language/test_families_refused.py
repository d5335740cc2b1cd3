"""Families of language models that are refused are refused by name, with what they were asked for."""

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.families import require_family
from shallowsight.study.stages import Stage, StageName


def stages(**finetune: object) -> dict[StageName, Stage]:
    plain = {"learning_rate": 1e-3, "global_batch": 4, "updates": 1}
    return {"pretrain": Stage.model_validate(plain), "finetune": Stage.model_validate(plain | finetune)}


PACKED = {"packed": True}
LORA = {"lora": {"rank": 4}}
AGAIN = {"checkpointing": True}


@pytest.mark.parametrize("asked", [{}, PACKED, LORA, AGAIN], ids=str)
@pytest.mark.parametrize("family", ["llama", "gpt2", "gptj", "gpt_neo", "granite", "gemma2", "cohere"])
def test_a_family_that_does_what_is_asked_is_taken(family: str, asked: dict[str, object]) -> None:
    require_family(family, stages(**asked))


@pytest.mark.parametrize(
    ("family", "asked", "says"),
    [
        pytest.param("bert", {}, "language.model: a model of the family 'bert' is refused: its tokens see", id="ahead"),
        pytest.param("gemma3", {}, "'gemma3' is refused: it has parts of its own for pictures", id="pictures"),
        pytest.param("falcon_h1", {}, "'falcon_h1' is refused: its forward pass needs token ids", id="ids"),
        pytest.param("own", {}, "'own' is refused: it is none of the causal language models that were", id="unknown"),
        pytest.param(None, {}, "family None is refused", id="no family"),
        pytest.param("bloom", PACKED, "finetune.packed=true: a model .*'bloom' .*finetune.packed=false", id="packed"),
        pytest.param("mamba", LORA, "finetune.lora.rank=4: a model .*'mamba' .*finetune.lora.rank=0", id="adapters"),
        pytest.param("jetmoe", AGAIN, "finetune.checkpointing=true: .*'jetmoe'.*checkpointing=false", id="again"),
    ],
)  # fmt: skip
def test_a_family_that_cannot_do_what_is_asked_is_refused(
    family: str | None, asked: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"{says}.*llama, .* docs/language-models.md"):
        require_family(family, stages(**asked))
