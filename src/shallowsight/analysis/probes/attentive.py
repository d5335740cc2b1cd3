"""An attention-pooling probe: a learnt query looks at the patches of a picture, a linear classifier answers.

The pooling of attentive probes (Chen et al. 2022, arXiv 2202.03026; El-Nouby et al. 2024, arXiv 2401.08541; Bardes et
al. 2024, arXiv 2404.08471): one query with several heads, each of which weights the patches in its own way. Two things
are added, because a language model has them too: the place of each patch, and the words of the question.

Shapes: S seeds, H heads, B questions, N patches, D width, C classes, V words. The seeds are independent probes.
"""

import torch
from torch import Tensor, nn

HEADS = 4  # with one head, about one probe in three looked at the wrong patches and never found the sign of the demo
# Standard deviations of the first weights.
_QUERY, _CLASSES, _PLACES, _GATE = 0.02, 0.01, 0.2, 0.1


class AttentiveProbe(nn.Module):
    """Scores of the classes for questions about pictures."""

    def __init__(self, seeds: int, patches: int, width: int, classes: int, words: int, random: torch.Generator) -> None:
        super().__init__()

        def noise(scale: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(seeds, *shape, generator=random))

        def zeros(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(seeds, *shape))

        self.query = noise(_QUERY, HEADS, width)
        self.place_query = zeros(HEADS, patches)
        self.classes = noise(_CLASSES, HEADS, width, classes)
        self.place_classes = noise(_PLACES, HEADS, patches, classes)
        self.bias = zeros(classes)
        # The words of a question add to the query, and decide which dimensions the classifier sees.
        self.word_query = noise(_QUERY, HEADS, words, width)
        self.word_gate = noise(_GATE, HEADS, words, width)
        self.word_classes = zeros(words, classes)

    def forward(self, patches_BND: Tensor, words_BV: Tensor) -> Tensor:
        """[S, B, C]; the features have about variance 1 in every dimension."""
        query_SHBD = self.query[:, :, None] + words_BV @ self.word_query
        scores_SHBN = torch.einsum("bnd,shbd->shbn", patches_BND, query_SHBD.expand(-1, -1, len(words_BV), -1))
        weights_SHBN = (scores_SHBN + self.place_query[:, :, None]).softmax(dim=-1)
        pooled_SHBD = torch.einsum("shbn,bnd->shbd", weights_SHBN, patches_BND) * (1 + words_BV @ self.word_gate)
        by_head_SHBC = pooled_SHBD @ self.classes + weights_SHBN @ self.place_classes
        return by_head_SHBC.sum(dim=1) + words_BV @ self.word_classes + self.bias[:, None]
