"""The questions of two studies, category by category, as score sheets that can be compared.

A question is the same when benchmark, id, name of the picture, words and right answer are. Where at least half of the
questions are the same, only these are compared, and each picture is its own control. Otherwise each study keeps all of
its questions, and the difference of the two sets of pictures counts as chance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.answers import Answers
from shallowsight.evaluate.statistics.sheet import Sheet, overall
from shallowsight.evaluate.statistics.two_studies import Sheets
from shallowsight.report.compare.values import Questions, Side
from shallowsight.report.findings import distinct
from shallowsight.report.values import Sample, Trial

ENOUGH = 0.5  # of the questions of the study that asked more
_Key = tuple[str, str]  # benchmark, id
_Trials = Mapping[str, tuple[Trial, ...]]  # by setting


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The categories that both studies asked about, and why others cannot be compared."""

    sheets: Mapping[str, Sheets]
    whole: Sheets | None  # over all of these categories; None with fewer than two
    questions: Mapping[str, Questions]
    refused: Mapping[str, str]  # category -> why


def asked(before: Side, after: Side) -> Asked:
    """What can be compared."""
    old, new = _trials(before), _trials(after)
    names = dict.fromkeys((*_categories(before), *_categories(after)))
    sheets, questions, refused = {}, {}, {}
    for name in names:
        try:
            sheets[name], questions[name] = _category(name, old, new, _same_files(before, after))
        except ConfigurationError as error:
            refused[name] = str(error)
    return Asked(sheets=sheets, whole=_whole(sheets), questions=questions, refused=refused)


def _trials(side: Side) -> _Trials:
    return {m.setting: distinct(m, []) for m in side.study.members if m.done}


def _categories(side: Side) -> list[str]:
    return [c.name for c in side.findings.categories]


def _category(name: str, old: _Trials, new: _Trials, same_files: bool) -> tuple[Sheets, Questions]:
    """Raises ConfigurationError when nothing in this category can be compared."""
    known = _benchmarks(name, old) & _benchmarks(name, new)
    if not known:
        both = " and ".join(_listed(_benchmarks(name, trials)) for trials in (old, new))
        raise ConfigurationError(f"the studies have no benchmark of it in common ({both})")
    first, second = _asked(name, old, known), _asked(name, new, known)
    same = {key for key, sample in first.items() if key in second and _same(sample, second[key])}
    largest = max(len(first), len(second))
    paired = len(same) >= ENOUGH * largest
    sheets = Sheets(
        _sheet(old, same if paired else set(first)), _sheet(new, same if paired else set(second)), paired=paired
    )
    counts = sheets.before.questions, sheets.after.questions
    dropped = sorted((_benchmarks(name, old) | _benchmarks(name, new)) - known)
    says = _says(paired, len(same), (len(first), len(second)), len(sheets.before.images), same_files)
    says += f"; of {', '.join(dropped)} only one study has answers" if dropped else ""
    return sheets, Questions(paired=paired, before=counts[0], after=counts[1], says=says)


def _says(paired: bool, same: int, sizes: tuple[int, int], images: int, same_files: bool) -> str:
    first, second = sizes
    if not paired:
        return (
            f"unpaired: of {first} and {second} questions {same} are the same, so that each study keeps its own, and "
            "the difference of their pictures counts as chance; that holds if both sets were drawn alike"
        )
    whole = same == first == second
    text = f"paired: the same {same} questions about {images} pictures"
    text = text if whole else f"{text}, of {first} and {second}"
    return text if same_files else f"{text}; the data files differ, so that pictures are known by their names only"


def _benchmarks(name: str, trials: _Trials) -> set[str]:
    """The benchmarks of a category that every finished training answered and whose metric is an accuracy."""
    found = [
        {
            str(b["name"])
            for b in t.benchmarks
            if b.get("category") == name and b.get("metric", "accuracy") == "accuracy"
        }
        for kept in trials.values()
        for t in kept
    ]
    return set.intersection(*found) if found else set()


def _asked(name: str, trials: _Trials, benchmarks: set[str]) -> dict[_Key, Sample]:
    """The questions that every finished training answered, and whose answers were all decided."""
    tables = [
        {
            (s.benchmark, s.id): s
            for s in t.samples
            if s.category == name and s.benchmark in benchmarks and not s.undecided
        }
        for kept in trials.values()
        for t in kept
    ]
    common = set(tables[0]).intersection(*tables)
    return {key: tables[0][key] for key in sorted(common)}


def _same(a: Sample, b: Sample) -> bool:
    return (a.image_id, a.question, a.target) == (b.image_id, b.question, b.target)


def _sheet(trials: _Trials, keys: set[_Key]) -> Sheet:
    return Sheet.of({setting: Answers.collect(_tables(kept, keys)) for setting, kept in trials.items()})


def _tables(kept: Iterable[Trial], keys: set[_Key]) -> dict[int, dict[str, tuple[str, float]]]:
    return {
        t.seed: {f"{s.benchmark}/{s.id}": (s.image_id, s.correct) for s in t.samples if (s.benchmark, s.id) in keys}
        for t in kept
    }


def _whole(sheets: Mapping[str, Sheets]) -> Sheets | None:
    before, after = overall([s.before for s in sheets.values()]), overall([s.after for s in sheets.values()])
    # With one category that is unpaired, pictures of equal names need not be the same.
    return Sheets(before, after, all(s.paired for s in sheets.values())) if before and after else None


def _same_files(before: Side, after: Side) -> bool:
    """Whether the test sources are the same, byte for byte; unknown counts as no."""
    old, new = (_test_digests(side) for side in (before, after))
    return bool(old) and old == new


def _test_digests(side: Side) -> dict[str, str]:
    sources = side.document.get("sources") or {}
    names = ((side.study.raw.get("base") or {}).get("data") or {}).get("test") or ()
    return {name: sources[name]["digest"] for name in names if name in sources}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
