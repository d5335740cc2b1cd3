"""Where in a batch the pictures are, and which tokens see them.

Shapes: B rows, T tokens of a row, P pictures, M image tokens of a picture, V tokens that see a picture, S the most of
them that see the same one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from shallowsight.data.conversation import IMAGE


@dataclass(frozen=True)
class Places:
    """Tokens are numbered through all rows: token t of row b is b x T + t, also where rows are joined to one.

    A token sees the picture of its own sequence, from the picture's first token to the end of the sequence: it is a
    causal model, in which the text before a picture does not know it.
    """

    image: Tensor  # [P x M], the image tokens, one picture after the other; empty where there are none
    seeing: Tensor  # [V], the tokens that see a picture
    slots: Tensor  # [V], the place of each in [P, S], as a number: picture x S + tokens since the picture's first
    longest: int  # S
    rows: Tensor  # [P], the row of each picture

    @classmethod
    def of(cls, ids_BT: Tensor, positions_BT: Tensor | None, pictures: int) -> "Places":
        """The places in rows with one sequence each, or, with `positions`, with several that each count from 0.

        Every sequence has one picture or none, all with as many image tokens.
        """
        width = ids_BT.shape[1]
        image = (ids_BT == IMAGE).flatten().nonzero().squeeze(1)
        if not pictures:
            return cls(image, image, image, 1, image)
        first = image.view(pictures, -1)[:, 0]
        numbers = torch.arange(ids_BT.numel(), device=ids_BT.device)
        begins = numbers % width == 0 if positions_BT is None else positions_BT.flatten() == 0
        sequence = begins.cumsum(0) - 1
        picture_of = torch.full_like(numbers, -1)  # of each sequence; there are at most as many as tokens
        picture_of[sequence[first]] = torch.arange(len(first), device=ids_BT.device)
        picture = picture_of[sequence]
        since = numbers - first[picture]
        seeing = ((picture >= 0) & (since >= 0)).nonzero().squeeze(1)
        longest = int(since[seeing].max()) + 1
        return cls(image, seeing, picture[seeing] * longest + since[seeing], longest, first // width)

    def next(self) -> "Places":
        """The places among the tokens that follow these rows, one to each."""
        return Places(self.image[:0], self.rows, torch.arange(len(self.rows), device=self.rows.device), 1, self.rows)
