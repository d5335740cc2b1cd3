"""What a composed scene shows: some copies of one emoji, and a coloured sign with a digit, on a photograph.

All of it follows from (seed, split, index), as facts and as fractions of the picture's size: the same scene exists at
every size, and does not depend on how many others there are. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, get_args

Split = Literal["train", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)

# Category -> split -> emoji. A random 30 % are held out: test pictures show only things that training never did.
EMOJI: Final[Mapping[str, Mapping[Split, str]]] = {
    "animal": {"train": "🐻🦉🐟🐹🐑🐨🐶🐴🐷🐝🐸🐼🦊🦆🐵🐍🐯🐘🦀🐱🐔", "test": "🐭🐮🐬🐢🦁🐰🐪🐧🐙"},
    "food": {"train": "🍑🍔🍯🍦🍊🍕🍋🍐🥚🍞🍎🍇🍩🌽🍣🍟🍉🧀🍗🎂🍫", "test": "🍓🍅🌮🍍🍪🍒🍌🥕🍆"},
    "vehicle": {"train": "🚠🚇🚜🚛🛶🚐🚢🚚🚟🚑🚂🚁🚲🚙🚎🚗🛥🚍🛴🚊🚆", "test": "🚃🚤🛵🚕🚓🚒🚌🚀🚝"},
    "tool": {"train": "🪓🔩🖱🖨🔧🔍🔨🖊💻🕯🪚📻🔦✂📎⏰🖌🔑🔪📺💡", "test": "📌📷🔋📏🧲⌨🔌☎🪜"},
}
# Photographs, by file name. None has a category's thing as its subject, which would make "what is drawn?" ambiguous.
PHOTOGRAPHS: Final[Mapping[Split, tuple[str, ...]]] = {
    "train": ("astronaut.png", "china.jpg", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png"),
    "test": ("brick.png", "flower.jpg", "moon.png", "retina.jpg"),
}
COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "red": (215, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 210),
    "yellow": (245, 210, 40),
    "purple": (140, 60, 170),
    "orange": (245, 130, 30),
}
GRID: Final = 3  # cells a side; at most one thing in a cell, so nothing is hidden
POSITIONS: Final = tuple(
    f"{row} {column}" for row in ("top", "middle", "bottom") for column in ("left", "centre", "right")
)
MOST_COPIES: Final = 5
SIGN_SIDE: Final = 0.92  # of a cell: the digit then spans three 14-pixel patches at 168 pixels, and can be read
COPY_SIDES: Final = (0.70, 0.98)  # of a cell, smallest and largest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The truth about one scene, as the five questions ask for it."""

    category: str  # a key of EMOJI
    count: int  # copies of the emoji, 1 to MOST_COPIES
    position: str  # of the sign, one of POSITIONS
    colour: str  # of the sign, a key of COLOURS
    digit: int  # on the sign, 0 to 9


@dataclass(frozen=True)
class Box:
    """A square in one cell of the grid."""

    cell: int  # index into POSITIONS
    side: float  # fraction of the cell
    x: float  # fraction of the room left in the cell, 0 = at its left edge
    y: float  # the same, 0 = at its top edge


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Facts, and all that is needed to draw them."""

    facts: Facts
    emoji: str
    photograph: str  # one of PHOTOGRAPHS
    crop: tuple[
        float, float, float
    ]  # side in 0.5..1 of the photograph's shorter side; x, y: fractions of the room left
    sign: Box
    copies: tuple[Box, ...]


def scene(seed: int, split: Split, index: int) -> Scene:
    """Scene number `index` (from 0) of a split; always the same for the same arguments, on every machine."""
    random = Random(f"scene {seed} {split} {index}")
    facts = Facts(
        category=random.choice(list(EMOJI)),
        count=random.randint(1, MOST_COPIES),
        position=random.choice(POSITIONS),
        colour=random.choice(list(COLOURS)),
        digit=random.randrange(10),
    )
    sign_cell = POSITIONS.index(facts.position)
    free = [cell for cell in range(GRID**2) if cell != sign_cell]
    return Scene(
        facts=facts,
        emoji=random.choice(EMOJI[facts.category][split]),
        photograph=random.choice(PHOTOGRAPHS[split]),
        crop=(random.uniform(0.5, 1.0), random.random(), random.random()),
        sign=Box(sign_cell, SIGN_SIDE, random.random(), random.random()),
        copies=tuple(
            Box(cell, random.uniform(*COPY_SIDES), random.random(), random.random())
            for cell in random.sample(free, facts.count)
        ),
    )
