"""The paper's numbers as a study of ours, so that our findings and tests see them as they see any study.

Each layer is a setting with one run. Each series is a category with one question, whose score is the number; a category
that is made of benchmarks has one question for each, brought to 0 to 1 over the layers, and findings average them.
"""

from collections.abc import Iterator

from shallowsight.report.claims.checks import MadeOf
from shallowsight.report.claims.paper import LAYERS, Paper, Series
from shallowsight.report.layer_map import brought_to_one
from shallowsight.report.values import Member, Sample, Study, Trial

_ROLES = {LAYERS - 1: ("penultimate",), LAYERS: ("last",)}


def as_study(paper: Paper) -> Study:
    """All series, and every category that a claim makes anew of its benchmarks."""
    return Study(
        name="paper",
        tower=paper.tower,
        seeds=(0,),
        raw={},
        members=tuple(_member(paper, layer) for layer in range(1, LAYERS + 1)),
        analysis=None,
        data={},
        texts=(),
        cells=(),
    )


def made_anew(check: MadeOf) -> str:
    """The name of the category that is made of benchmarks."""
    return f"{check.series} from {', '.join(check.of)}"


def _member(paper: Paper, layer: int) -> Member:
    trial = Trial(seed=0, digests={}, state="done", samples=tuple(_samples(paper, layer)))
    return Member(setting=str(layer), layers=(layer,), fusion="single", roles=_ROLES.get(layer, ()), trials=(trial,))


def _samples(paper: Paper, layer: int) -> Iterator[Sample]:
    series = {each.name: each for each in paper.series}
    for each in series.values():
        yield _sample(each.name, each, layer, each.values[layer - 1] / each.scale)
    for claim in paper.claims:
        if isinstance(claim.check, MadeOf):
            for name in claim.check.of:
                score = brought_to_one(dict(enumerate(series[name].values, 1)))[layer]
                yield _sample(made_anew(claim.check), series[name], layer, score)


def _sample(category: str, series: Series, layer: int, score: float) -> Sample:
    return Sample(
        benchmark=series.name,
        category=category,
        id=series.name,
        image_id=series.name,
        question=series.source,
        prediction=f"{series.values[layer - 1]:g}",
        target="",
        correct=score,
    )
