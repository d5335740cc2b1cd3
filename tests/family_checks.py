"""What a small language model must do to be trained and judged; each check raises where it does not.

Shapes: B sequences, T tokens, N image tokens of an image, W width of the tower, V words.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from small_language_models import VOCABULARY, small_model
from tiny import tower_of_width
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from shallowsight.data.conversation import IGNORE, IMAGE
from shallowsight.model.adapters import add_adapters, merge_adapters
from shallowsight.model.vlm import VLM
from shallowsight.study.experiment import Experiment
from shallowsight.study.stages import Lora
from shallowsight.train.efficiency import costs_of

W, N = 8, 3
STOP = 2
FEATURES = torch.randn(2, N, W, generator=torch.Generator().manual_seed(0))
# Three sequences, the second without a picture, and which of their tokens are supervised.
SEQUENCES = (
    [3, IMAGE, IMAGE, IMAGE, 10, 11, 12, 13, 14, 15],
    [3, 20, 21, 22, 23, STOP],
    [3, 30, IMAGE, IMAGE, IMAGE, 31, 32, 33],
)
SUPERVISED = ((5, 10), (2, 6), (6, 8))
OWN_FEATURES = (FEATURES[:1],), (), (FEATURES[1:],)
# Sums of float32 in another order: of one large batch instead of small ones, of merged matrices instead of two. No
# family was further off than four tenths of this; the least that a check found was 20 times as much.
CLOSE = 1e-5

Gradients = dict[str, Tensor]


def small_vlm(family: str, experiment: Experiment, tokenizer: PreTrainedTokenizerBase, folder: Path) -> VLM:
    """As a user's: saved to a folder, and loaded from it."""
    small_model(family).save_pretrained(folder)
    named = experiment.language.model_copy(update={"model": str(folder)})
    torch.manual_seed(1)
    return VLM(experiment.model_copy(update={"language": named}), tower_of_width(W), tokenizer).eval()


def embeddings_say_what_ids_say(model: VLM) -> None:
    language = model.language
    ids = torch.arange(3, 15)[None]
    embeddings = language.get_input_embeddings()(ids)
    with torch.no_grad():
        assert_close(_logits(model, embeddings), language(input_ids=ids, use_cache=False).logits)
        _logits(model, embeddings + 0.1)  # no token has these: a model that looks them up refuses


def no_token_sees_what_follows(model: VLM) -> None:
    embeddings = model.language.get_input_embeddings()(torch.arange(3, 15)[None]).detach()
    other = embeddings.clone()
    other[:, -3:] = torch.randn_like(other[:, -3:])
    with torch.no_grad():
        before, after = _logits(model, embeddings), _logits(model, other)
    assert_close(after[:, :-3], before[:, :-3])
    assert (after[:, -1] - before[:, -1]).abs().max() > 0.01, "its logits do not depend on its input"


def loss_is_its_own(model: VLM) -> None:
    """Of a padded batch, and of one in which nothing is supervised."""
    ids, labels = _padded()
    assert_same(_trained(model, lambda: model([FEATURES], ids, None, labels)), _trained(model, lambda: own_loss(model)))
    loss, gradients = _trained(model, lambda: model([FEATURES], ids, None, torch.full_like(ids, IGNORE)))
    assert loss == 0 and not any(gradient.any() for gradient in gradients.values())


def packed_as_alone(model: VLM) -> None:
    """Two sequences in one row, and one before padding in another."""
    first, second = [*SEQUENCES[0], *SEQUENCES[1]], [*SEQUENCES[2], *[0] * 8]
    ids, labels = torch.tensor([first, second]), torch.full((2, 16), IGNORE)
    positions = torch.tensor([[*range(10), *range(6)], [*range(8), *range(8)]])
    for row, start, (begin, end) in zip((0, 0, 1), (0, 10, 0), SUPERVISED, strict=True):
        labels[row, start + begin : start + end] = ids[row, start + begin : start + end]
    assert_same(
        _trained(model, lambda: model([FEATURES], ids, positions, labels)), _trained(model, lambda: own_loss(model))
    )


def every_parameter_takes_part(model: VLM) -> None:
    """Training keeps moments of each, and saves them."""
    _, gradients = _trained(model, lambda: own_loss(model))
    assert set(gradients) == {name for name, _ in model.named_parameters()}


def computed_again_as_kept(model: VLM) -> None:
    ids, labels = _padded()
    kept = _trained(model, lambda: own_loss(model))
    model.train()
    try:
        model.checkpoint_activations()
        assert_same(_trained(model, lambda: model([FEATURES], ids, None, labels)), kept)
    finally:
        model.eval().language.activation_checkpointing_disable()


def training_is_as_answering(model: VLM) -> None:
    kept = _trained(model, lambda: own_loss(model))
    model.train()
    assert_same(_trained(model, lambda: own_loss(model)), kept)
    model.eval()


def operations_are_counted(model: VLM) -> None:
    costs = costs_of(model, {2: W}, N, None, 28)
    assert costs.token > 0 and costs.answer > 0


PROMPTS = [[3, IMAGE, IMAGE, IMAGE, 10, 11, 12, 13], [3, 20, 21], [3, IMAGE, IMAGE, IMAGE, 30]]


def answers_are_the_argmax(model: VLM) -> None:
    """Of its own logits, computed anew for each token; in a batch with padding on the left, and alone."""
    longest = max(map(len, PROMPTS))
    ids = torch.tensor([[STOP] * (longest - len(p)) + p for p in PROMPTS])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in PROMPTS])
    with torch.no_grad():
        expected = [_greedy(model, list(f), p, 6) for f, p in zip(OWN_FEATURES, PROMPTS, strict=True)]
    for features, prompt, answer in zip(OWN_FEATURES, PROMPTS, expected, strict=True):
        alone = torch.tensor([prompt])
        assert _cut(model.answer(list(features), alone, torch.ones_like(alone), 6, STOP)) == [answer]
    assert _cut(model.answer([FEATURES], ids, mask, 6, STOP)) == expected


def adapted_as_merged(model: VLM) -> None:
    """Leaves the model with merged matrices."""
    plain = _loss(model)
    add_adapters(model.language, Lora(rank=4, dropout=0.0))
    assert_close(_loss(model), plain)  # at first they say nothing
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.language.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1)
    adapted = _loss(model)
    assert abs(adapted - plain) > 0.01, "adapters change nothing"
    merge_adapters(model.language)
    assert_close(_loss(model), adapted)


def own_loss(model: VLM) -> Tensor:
    """Summed cross-entropy of the model's own logits, every sequence alone and without padding."""
    total = torch.zeros(())
    for sequence, features, (begin, end) in zip(SEQUENCES, OWN_FEATURES, SUPERVISED, strict=True):
        with model.shown(list(features), torch.tensor([sequence])) as embeddings:
            logits = _logits(model, embeddings)
        targets = torch.tensor(sequence[begin:end])
        total = total + F.cross_entropy(logits[0, begin - 1 : end - 1], targets, reduction="sum")
    return total


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Of tensors of one kind, against the largest of them."""
    off, scale = (found - expected).abs().max().item(), max(1.0, expected.abs().max().item())
    assert off <= CLOSE * scale, f"off by {off:.3g} of {scale:.3g}"


def assert_same(found: tuple[float, Gradients], expected: tuple[float, Gradients]) -> None:
    assert_close(torch.tensor(found[0]), torch.tensor(expected[0]))
    assert set(found[1]) == set(expected[1])
    for name, gradient in expected[1].items():
        assert_close(found[1][name], gradient)
    assert any(gradient.any() for name, gradient in expected[1].items() if name.startswith("connector."))


def _logits(model: VLM, embeddings: Tensor) -> Tensor:
    found: Tensor = model.language(inputs_embeds=embeddings, use_cache=False).logits
    return found


def _padded() -> tuple[Tensor, Tensor]:
    longest = max(map(len, SEQUENCES))
    ids = torch.tensor([sequence + [0] * (longest - len(sequence)) for sequence in SEQUENCES])
    labels = torch.full_like(ids, IGNORE)
    for row, (begin, end) in enumerate(SUPERVISED):
        labels[row, begin:end] = ids[row, begin:end]
    return ids, labels


def _loss(model: VLM) -> Tensor:
    ids, labels = _padded()
    with torch.no_grad():
        found: Tensor = model([FEATURES], ids, None, labels)
    return found


def _trained(model: VLM, loss_of: Callable[[], Tensor]) -> tuple[float, Gradients]:
    model.zero_grad()
    loss = loss_of()
    torch.autograd.backward(loss)
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return loss.item(), found


def _greedy(model: VLM, features: list[Tensor], ids: list[int], tokens: int) -> list[int]:
    found: list[int] = []
    while len(found) < tokens and found[-1:] != [STOP]:
        with model.shown(features, torch.tensor([[*ids, *found]])) as embeddings:
            best = int(_logits(model, embeddings)[0, -1].argmax())
        assert best < VOCABULARY
        found.append(best)
    return found


def _cut(answers: Tensor) -> list[list[int]]:
    """Without what fills a row after its end."""
    return [row[: row.index(STOP) + 1] if STOP in row else row for row in answers.tolist()]
