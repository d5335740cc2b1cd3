"""The looks at a study with seeds in reserve: which settings were undecided at each, and which get the next seed.

They are computed from the finished cells each time, so that an interrupted study goes on where it stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.statistics.family import Key
from shallowsight.evaluate.statistics.looks import settings_of, undecided
from shallowsight.report.findings import find
from shallowsight.report.values import Member, Study


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look: the pairs of settings that are undecided, and the settings that get `seed`."""

    number: int  # from 1
    of: int  # looks at most
    level: float
    pairs: frozenset[Key]  # category, setting, what it is compared with
    settings: tuple[str, ...]  # of the pairs, in the order of the study
    seed: int | None  # None: no seed is left

    @property
    def last(self) -> bool:
        """Whether the study ends here."""
        return self.seed is None or not self.pairs


def looks(study: Study) -> tuple[Look, ...]:
    """Every look whose seeds are finished. The study ends at the last one if this says so; else its seeds come next.

    Raises:
        ConfigurationError: the trainings of the first look are not finished.
    """
    if not study.members:
        raise ConfigurationError("the study has no plan yet; run it to its end first")
    seeds = {m.setting: study.seeds for m in study.members}
    if lacking := _lacking(study, seeds):
        raise ConfigurationError(f"the study is not finished ({'; '.join(lacking)}); run it to its end first")
    found: list[Look] = []
    pairs: frozenset[Key] | None = None
    for number, seed in enumerate((*study.more_seeds, None), start=1):
        seen = replace(study, members=tuple(_only(m, seeds[m.setting]) for m in study.members))
        findings = find(seen)
        if findings.judgement is None:
            raise ConfigurationError("the study has no results that could be judged")
        now = undecided(findings.judgement, findings.planned, findings.level)
        pairs = now if pairs is None else pairs & now  # a contrast that was decided once stays decided
        settings = tuple(m.setting for m in study.members if m.setting in settings_of(pairs))
        found.append(
            Look(
                number=number,
                of=1 + len(study.more_seeds),
                level=findings.level,
                pairs=pairs,
                settings=settings,
                seed=seed,
            )
        )
        if seed is None or not pairs:
            break
        seeds |= {setting: (*seeds[setting], seed) for setting in settings}
        if _lacking(study, seeds):
            break
    return tuple(found)


def added(found: tuple[Look, ...]) -> tuple[str, ...]:
    """The value of the key `added` after these looks: `9=2,3`."""
    given: dict[str, list[int]] = {}
    for look in found:
        if look.seed is not None:
            for setting in look.settings:
                given.setdefault(setting, []).append(look.seed)
    return tuple(f"{setting}={','.join(map(str, seeds))}" for setting, seeds in given.items())


def _only(member: Member, seeds: tuple[int, ...]) -> Member:
    return replace(member, trials=tuple(t for t in member.trials if t.seed in seeds))


def _lacking(study: Study, seeds: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The settings without a result for some of these seeds."""
    done = {m.setting: {t.seed for t in m.done} for m in study.members}
    missing = {m.label: sorted(set(seeds[m.setting]) - done[m.setting]) for m in study.members}
    return [f"{label} lacks seed {', '.join(map(str, lack))}" for label, lack in missing.items() if lack]
