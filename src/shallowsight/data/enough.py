"""Check that there is enough data; the messages are the same for raw records and for prepared data."""

from collections.abc import Iterable, Mapping

from shallowsight.errors import ConfigurationError
from shallowsight.study.benchmarks import find_benchmark

LEAST_PICTURES = 16  # training pictures, with which the analysis compares layers


def require_pictures(found: int) -> None:
    """Raises ConfigurationError for fewer training pictures than the analysis needs."""
    if found < LEAST_PICTURES:
        raise ConfigurationError(
            f"the analysis needs at least {LEAST_PICTURES} training pictures, the data has {found}; add records with "
            "pictures to data.finetune"
        )


def require_kinds(benchmarks: Iterable[str], kinds: Mapping[str, int]) -> None:
    """Raises ConfigurationError when there is no question for a benchmark.

    Args:
        kinds: kind of question -> number of questions.
    """
    for name in benchmarks:
        kind = find_benchmark(name).question_kind
        if not kinds or (kind is not None and kind not in kinds):
            found = ", ".join(f"{k} ({n})" for k, n in sorted(kinds.items())) or "no questions"
            asked = "questions" if kind is None else f"questions of kind {kind!r}"
            raise ConfigurationError(
                f"benchmark {name!r} asks {asked}, the test data has {found}; "
                "change benchmarks or data.test (a record's `tasks` names the kind of each of its questions)"
            )
