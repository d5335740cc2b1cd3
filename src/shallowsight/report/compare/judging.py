"""The verdict on every setting in every category: one family of tests.

A setting whose trainings are the same cells in both studies is the same model, and is not tested. That holds also where
only some are the same cells: equal digests mean equal inputs, so that all other seeds are trainings of the same kind.
"""

from collections.abc import Mapping, Sequence

from shallowsight.evaluate.statistics.contrast import FEWEST_PICTURES, Contrast
from shallowsight.evaluate.statistics.family import ALPHA, OVERALL
from shallowsight.evaluate.statistics.sheet import Sheet
from shallowsight.evaluate.statistics.two_studies import Key, Sheets, contrast_of_two, corrected, noise_of_two
from shallowsight.report.compare.asked import Asked
from shallowsight.report.compare.values import Difference, Pair, Verdict


def differences(pairs: Sequence[Pair], found: Asked) -> tuple[Difference, ...]:
    """Every pair in every category, and over all of them."""
    every = {**found.sheets, **({OVERALL: found.whole} if found.whole else {})}
    repeated = frozenset(p.after.setting for p in pairs if p.same_trainings)
    noise = noise_of_two(list(found.sheets.values()), found.whole, repeated) if found.sheets else []
    contrasts: dict[Key, Contrast] = {
        (name, pair.before.setting): contrast_of_two(sheets, each, pair.before.setting, pair.after.setting)
        for (name, sheets), each in zip(every.items(), noise, strict=True)
        for pair in pairs
        if _both(sheets, pair)
    }
    tested = {(c, p.before.setting) for c in every for p in pairs if not p.same_trainings}
    p_values = corrected({key: c.p for key, c in contrasts.items() if key in tested})
    judged = [
        _difference(name, pair, sheets, contrasts.get((name, pair.before.setting)), p_values)
        for pair in pairs
        for name, sheets in every.items()
    ]
    refused = [_refused(name, pair, why) for pair in pairs for name, why in found.refused.items()]
    return (*judged, *refused)


def _both(sheets: Sheets, pair: Pair) -> bool:
    return pair.before.setting in sheets.before.settings and pair.after.setting in sheets.after.settings


def _difference(
    category: str,
    pair: Pair,
    sheets: Sheets,
    contrast: Contrast | None,
    p_values: Mapping[Key, float | None],
) -> Difference:
    p = p_values.get((category, pair.before.setting))
    verdict, why = _verdict(pair, contrast, p)
    return Difference(
        category=category,
        pair=pair,
        before=_mean(sheets.before, pair.before.setting),
        after=_mean(sheets.after, pair.after.setting),
        seeds=(len(pair.before.done), len(pair.after.done)),
        contrast=contrast,
        p=p,
        verdict=verdict,
        why=why,
    )


def _verdict(pair: Pair, contrast: Contrast | None, p: float | None) -> tuple[Verdict, str]:
    if contrast is None:
        return Verdict.NOT_COMPARABLE, _missing(pair)
    if pair.same_trainings:
        return Verdict.SAME_MODEL, _same(pair, contrast)
    if not contrast.enough_pictures:
        return (
            Verdict.NOT_COMPARABLE,
            f"too few pictures: {contrast.pictures:.0f} that count, {FEWEST_PICTURES} are needed",
        )
    if p is None:
        return Verdict.FEW_SEEDS, "the noise between trainings is not known"
    if p > ALPHA:
        return Verdict.NOT_DISTINGUISHABLE, ""
    return (Verdict.BETTER if contrast.gap > 0 else Verdict.WORSE), ""


def _same(pair: Pair, contrast: Contrast) -> str:
    shared, trained = len(pair.same_trainings), max(len(pair.before.done), len(pair.after.done))
    if shared < trained:
        return f"{shared} of {trained} trainings are the same cells, the others differ in the seed alone"
    return "the same trained cells" + ("" if contrast.gap == 0 else ", evaluated in another way")


def _missing(pair: Pair) -> str:
    lacking = [name for name, member in (("first", pair.before), ("second", pair.after)) if not member.done]
    if lacking:
        return f"the {' and the '.join(lacking)} study has no finished training of it"
    return "its trainings have no questions in common"


def _mean(sheet: Sheet, setting: str) -> float | None:
    return sheet.mean(setting) if setting in sheet.settings else None


def _refused(category: str, pair: Pair, why: str) -> Difference:
    return Difference(
        category=category,
        pair=pair,
        before=None,
        after=None,
        seeds=(len(pair.before.done), len(pair.after.done)),
        contrast=None,
        p=None,
        verdict=Verdict.NOT_COMPARABLE,
        why=why if pair.before.done and pair.after.done else _missing(pair),
    )
