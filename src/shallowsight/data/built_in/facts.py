"""The content of a composed scene: some copies of one emoji, and a coloured sign with a digit, on a photograph.

A scene follows from (seed, split, index) alone, as facts and as fractions of the picture's size. So the same scene
exists at every size, and does not depend on the number of scenes. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, get_args

Split = Literal["train", "test"]
SPLITS: Final[tuple[Split, ...]] = get_args(Split)

# Category -> split -> emoji. A random 30 % are held out, so that test pictures show only emoji that training does not.
EMOJI: Final[Mapping[str, Mapping[Split, str]]] = {
    "animal": {"train": "🐻🦉🐟🐹🐑🐨🐶🐴🐷🐝🐸🐼🦊🦆🐵🐍🐯🐘🦀🐱🐔", "test": "🐭🐮🐬🐢🦁🐰🐪🐧🐙"},
    "food": {"train": "🍑🍔🍯🍦🍊🍕🍋🍐🥚🍞🍎🍇🍩🌽🍣🍟🍉🧀🍗🎂🍫", "test": "🍓🍅🌮🍍🍪🍒🍌🥕🍆"},
    "vehicle": {"train": "🚠🚇🚜🚛🛶🚐🚢🚚🚟🚑🚂🚁🚲🚙🚎🚗🛥🚍🛴🚊🚆", "test": "🚃🚤🛵🚕🚓🚒🚌🚀🚝"},
    "tool": {"train": "🪓🔩🖱🖨🔧🔍🔨🖊💻🕯🪚📻🔦✂📎⏰🖌🔑🔪📺💡", "test": "📌📷🔋📏🧲⌨🔌☎🪜"},
}
# Photographs by file name. None shows an animal or other thing of a category as its subject, because then the question
# "what is drawn?" would be ambiguous.
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
GRID: Final = 3  # cells on a side; a cell holds at most one emoji or sign, so that none is hidden
POSITIONS: Final = tuple(
    f"{row} {column}" for row in ("top", "middle", "bottom") for column in ("left", "centre", "right")
)
MOST_COPIES: Final = 5
SIGN_SIDE: Final = 0.92  # of a cell; at 168 pixels the digit then spans three 14-pixel patches and can be read
COPY_SIDES: Final = (0.70, 0.98)  # of a cell, smallest and largest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The right answers about one scene, for the five questions."""

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
    x: float  # fraction of the free room in the cell, 0 = at its left edge
    y: float  # fraction of the free room in the cell, 0 = at its top edge


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Facts, and everything that is needed to draw them."""

    facts: Facts
    emoji: str
    photograph: str  # one of PHOTOGRAPHS
    crop: tuple[
        float, float, float
    ]  # side in 0.5..1 of the photograph's shorter side; x, y: fractions of the free room
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
