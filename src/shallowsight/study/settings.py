"""A setting, which is what a study varies: layers, fusion, and the connector where it is not the study's own.

It is written `LAYERS[:FUSION][+CONNECTOR[@TOKENS]]`, for instance `8`, `3,8,12:concat`, `1-6|7-12|11:mean-concat`,
`3,6|11:deepstack`, `8+c_abstractor@9`. In place of layers there may be a word (study/words.py).
"""

from dataclasses import dataclass

from shallowsight.study.connectors import Connector
from shallowsight.study.fusions import require_form
from shallowsight.study.layers import Layers


@dataclass(frozen=True)
class Setting:
    """Layers, fusion and connector (None: the study's own); `str()` gives the form that `parse` reads."""

    layers: Layers
    fusion: str
    connector: Connector | None = None

    def __post_init__(self) -> None:
        require_form(self.layers, self.fusion)

    @classmethod
    def parse(cls, text: str, depth: int | None = None) -> "Setting":
        """Read a setting; layers without a fusion mean single, concat or, with `|`, mean-concat.

        Raises:
            ValueError: the text does not have this form, or a layer is beyond the depth.
        """
        layer_text, fusion, connector = split_setting(text)
        layers = Layers.parse(layer_text, depth)
        return cls(layers, fusion or _usual_fusion(layers), connector)

    def __str__(self) -> str:
        fusion = "" if self.fusion == "single" else f":{self.fusion}"
        return f"{self.layers}{fusion}" + (f"+{self.connector}" if self.connector else "")


def split_setting(text: str) -> tuple[str, str, Connector | None]:
    """The three parts of a setting's text: layers or a word, the fusion's name or nothing, and the connector.

    Raises:
        ValueError: there is no such connector, or a part is missing.
    """
    first, plus, connector = str(text).partition("+")
    layers, colon, fusion = first.partition(":")
    if colon and not fusion:
        raise ValueError("no fusion after `:`; write for instance 3,8:concat")
    return layers, fusion, Connector.parse(connector) if plus else None


def _usual_fusion(layers: Layers) -> str:
    if layers.entries:
        raise ValueError(
            f"{layers}: name the fusion by which layers enter the language model, as in 3>1|11:internal-direct"
        )
    if len(layers.groups) > 1:
        return "mean-concat"
    return "single" if len(layers.indices) == 1 else "concat"
