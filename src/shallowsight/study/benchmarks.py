"""The benchmarks that an experiment may name: local ones over its own test questions, and lmms-eval's."""

from dataclasses import dataclass
from unicodedata import normalize

from shallowsight.study.near_names import unknown_name
from shallowsight.study.public_benchmarks import find_public, public_benchmarks


@dataclass(frozen=True)
class Benchmark:
    """An evaluation task and its category in the report."""

    name: str
    category: str
    question_kind: str | None  # asks the questions with this value in a test record's `tasks`; None: every question
    chance: float | None  # accuracy of guessing uniformly among the possible answers


# Chance is one over the number of possible answers; easy-vqa mixes yes/no with 11 others, so none is given.
_LOCAL = (
    Benchmark("scenes_category", "category", "category", 1 / 4),
    Benchmark("scenes_count", "count", "count", 1 / 5),
    Benchmark("scenes_position", "position", "position", 1 / 9),
    Benchmark("scenes_colour", "colour", "colour", 1 / 6),
    Benchmark("scenes_ocr", "ocr", "ocr", 1 / 10),
    Benchmark("easy_vqa", "easy-vqa", "easy_vqa", None),
    Benchmark("own", "own", None, None),  # every question of the user's own test file
)
BENCHMARKS: dict[str, Benchmark] = {b.name: b for b in _LOCAL}
DEMO_BENCHMARKS = tuple(name for name in BENCHMARKS if name != "own")
ALL_CATEGORIES = "all categories"  # the name of all of them together in a report
_OWN_KIND = "own:"  # own:counting asks the questions of the kind `counting` in a user's test file


def is_public(name: str) -> bool:
    """Whether a name is that of a public benchmark, whose questions are not among a study's own."""
    return find_public(name) is not None


def find_benchmark(name: str) -> Benchmark:
    """A benchmark by its name; the ValueError for an unknown name has the most similar known name.

    A public benchmark has no kind of the study's own questions: ask `find_public` for what it has.
    """
    if (public := find_public(name)) is not None:
        return Benchmark(name, public.category, None, public.chance)
    if name.startswith(_OWN_KIND) and name != _OWN_KIND:
        kind = normalize("NFC", name.removeprefix(_OWN_KIND))  # as in questions_of
        if kind == ALL_CATEGORIES:
            raise ValueError(f"benchmark {name!r}: {kind!r} is the name of all categories together; rename the kind")
        return Benchmark(name, kind, kind, None)
    if name not in BENCHMARKS:
        known = (*BENCHMARKS, *public_benchmarks())
        raise ValueError(unknown_name("benchmark", name, known, ", own:KIND, lmms:TASK"))
    return BENCHMARKS[name]
