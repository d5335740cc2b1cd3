"""The measures by name. Needs no torch; their classes are listed in classes.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from shallowsight.errors import ConfigurationError

ALL = "all"


@dataclass(frozen=True)
class Kind:
    """`says` and `source` are what readers see; `attentions` whether it needs a pass of its own that has them."""

    name: str
    says: str
    source: str
    attentions: bool = False


KINDS = (
    Kind("cosine_patch", "cosine of the two layers' vectors of a patch", "arXiv 2504.21447"),
    Kind("cosine_class", "cosine of the class token's vectors", "arXiv 2504.21447"),
    Kind("cosine_pooled", "cosine of the mean patch vectors of a picture", "arXiv 2504.21447"),
    Kind("cka_pooled", "linear CKA of mean patch vectors", "arXiv 1905.00414, 2010.15327"),
    Kind("cka_tokens", "linear CKA of single patches", "arXiv 1905.00414, 2010.15327"),
    Kind("cka_rbf", "CKA of mean patch vectors with a Gaussian kernel", "arXiv 1905.00414, 2010.15327"),
    Kind("mutual_knn", "share of a picture's nearest pictures in common", "arXiv 2405.07987"),
    Kind("procrustes", "how well a rotation turns a layer into the next", "arXiv 2108.01661, 2110.14739"),
    Kind("effective_rank", "how many directions patches use", "Roy and Vetterli 2007"),
    Kind("norms", "lengths of patch vectors, and patches that are outliers", "arXiv 2309.16588"),
    Kind("attention_distance", "how far a patch looks", "arXiv 2010.11929", attentions=True),
)
USUAL = tuple(kind.name for kind in KINDS if kind.name not in {"cka_tokens", "procrustes"})


def find_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """The measures with these names, each once, in the order of the list; `all` names all.

    Raises:
        ConfigurationError: there is no such measure, or no name.
    """
    known = {kind.name for kind in KINDS}
    allowed = f"allowed are {ALL} and {', '.join(kind.name for kind in KINDS)}"
    for name in names:
        if name != ALL and name not in known:
            raise ConfigurationError(f"no measure {name!r}; {allowed}")
    if not names:
        raise ConfigurationError(f"no measure is named; {allowed}")
    return tuple(kind for kind in KINDS if kind.name in names or ALL in names)
