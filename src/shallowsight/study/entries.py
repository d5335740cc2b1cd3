"""Where the layers of a setting enter the language model, for a fusion inside it.

State 0 of a language model is its embeddings, state k the output of its layer k.
"""

from collections.abc import Sequence

from shallowsight.study.counts import counted
from shallowsight.study.fusions import FUSIONS, Form, Way
from shallowsight.study.layers import Layers


def injected_layers(layers: Layers, fusion: str) -> tuple[int, ...]:
    """The layers that enter the language model; none for a fusion outside it."""
    return layers.groups[0].indices if FUSIONS[fusion].form is Form.INSIDE else ()


def entries_of(layers: Layers, fusion: str, depth: int, language_layers: int) -> tuple[int, ...]:
    """The state that each injected layer enters, in a tower of `depth` layers.

    Raises:
        ValueError: no layer of the language model follows a state, or two layers enter one state by cross-attention.
    """
    injected = injected_layers(layers, fusion)
    if not injected:
        return ()
    if layers.entries:
        found: Sequence[int] = layers.entries
    elif fusion == "deepstack":
        found = range(1, len(injected) + 1)
    else:
        found = [max(0, int(layer * language_layers / depth - 1)) for layer in injected]
    # Nothing mixes tokens behind the last layer, so that what enters its output would reach no answer.
    if max(found) >= language_layers:
        raise ValueError(
            f"a layer enters state {max(found)}; in a language model of {counted(language_layers, 'layer')} the states "
            f"that a layer follows are 0 to {language_layers - 1}: take fewer layers, or write where they enter, as in "
            "3>0,6>1|11:internal-direct"
        )
    if FUSIONS[fusion].way is Way.ATTENDED and len(set(found)) < len(found):
        raise ValueError(f"two layers enter the same layer of the language model: the states are {list(found)}")
    return tuple(found)
