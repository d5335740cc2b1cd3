"""The probe's scores, against a second writing of it in double precision."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from shallowsight.analysis.probes.attentive import HEADS, AttentiveProbe

Array = NDArray[np.float64]
S, B, N, D, C = 2, 3, 5, 7, 4


def reference(p: dict[str, Array], seed: int, patches_ND: Array, words_V: Array) -> Array:
    """The scores of one seed for one question, head by head and patch by patch."""
    scores = p["bias"][seed].copy()
    for head in range(HEADS):
        query = p["query"][seed, head].copy()
        gate = np.ones(D)
        for word, there in enumerate(words_V):
            query += there * p["word_query"][seed, head, word]
            gate += there * p["word_gate"][seed, head, word]
        looks = np.array([query @ patch for patch in patches_ND]) + p["place_query"][seed, head]
        weights = np.exp(looks - looks.max())
        weights /= weights.sum()
        seen = np.zeros(D)
        for weight, patch in zip(weights, patches_ND, strict=True):
            seen += weight * patch
        scores += (seen * gate) @ p["classes"][seed, head]
        scores += sum(weights[n] * p["place_classes"][seed, head, n] for n in range(N))
    for word, there in enumerate(words_V):
        scores += there * p["word_classes"][seed, word]
    return scores


@pytest.mark.parametrize("words", [0, 3])
def test_scores(words: int) -> None:
    random = torch.Generator().manual_seed(0)
    probe = AttentiveProbe(S, N, D, C, words, random)
    with torch.no_grad():
        for parameter in probe.parameters():  # all different from 0, so that each counts
            parameter.copy_(torch.randn(parameter.shape, generator=random))
    patches = torch.randn(B, N, D, generator=random)
    asked = (torch.rand(B, words, generator=random) < 0.5).float()
    with torch.no_grad():
        found = probe(patches, asked).double().numpy()
    raw: dict[str, Any] = {name: value.detach().double().numpy() for name, value in probe.named_parameters()}
    assert found.shape == (S, B, C)
    for seed in range(S):
        for row in range(B):
            expected = reference(raw, seed, patches[row].double().numpy(), asked[row].double().numpy())
            # Sums of some dozens of products of about 1, in single precision: errors of some 1e-6.
            assert found[seed, row] == pytest.approx(expected, abs=1e-4)


def test_seeds_are_independent() -> None:
    """The gradient of one seed's loss reaches no other seed."""
    probe = AttentiveProbe(S, N, D, C, 3, torch.Generator().manual_seed(0))
    probe(torch.randn(B, N, D), torch.ones(B, 3))[0].square().sum().backward()
    for name, parameter in probe.named_parameters():
        assert parameter.grad is not None and not parameter.grad[1].any(), name
        assert parameter.grad[0].any(), name
