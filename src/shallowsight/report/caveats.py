"""The conclusions that a study does not allow, given its tower, models, data and seeds."""

from collections.abc import Sequence
from math import inf

from shallowsight.evaluate.statistics.family import ALPHA
from shallowsight.report.early_stop import stopped
from shallowsight.report.findings import Findings
from shallowsight.report.recommendation import features
from shallowsight.report.values import Member, Study
from shallowsight.report.words import count, depth, listed, ranges
from shallowsight.study.experiment import SCRATCH
from shallowsight.study.fusions import blocks_of
from shallowsight.study.settings import Setting

_WITH_ATTENTION = ("mmfuser", "internal-modular")
_SHOWN = 4  # settings of a sentence; report.json has them all


def caveats(study: Study, findings: Findings) -> list[str]:
    """The conclusions that the study does not allow, given its tower, models, data and seeds."""
    found = []
    seeds = {len(s.seeds) for c in findings.categories for s in c.scores.values()}
    if seeds:
        found.append(_seeds(min(seeds), max(seeds), findings))
        found.append(_features(study))
    if study.more_seeds:
        found.append(_looks(study, findings))
    if findings.categories:
        found.append(_questions(findings))
    found.append(
        f"One vision tower ({study.tower}). Another tower may have its useful layers elsewhere: layer numbers do not "
        "carry over, and neither need the order of the settings."
    )
    if pairs := findings.curves.not_learnt:
        names = [f"{study.member(setting).label} on {category}" for category, setting in pairs]
        shown = names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
        found.append(f"Trainings that did not learn a kind of question, as held-out questions show: {listed(shown)}.")
    if holes := [m for m in study.members if len(m.done) < len(m.trials)]:
        found.append(
            f"Incomplete: {listed([_hole(m) for m in holes])}. A missing layer may be the best one, and a claim may "
            "vanish when it is there, because more comparisons are then corrected for."
        )
    tested = sorted({m.layers[0] for m in study.members if m.single and m.done})
    if tested and len(tested) < depth(study):
        found.append(
            f"Of {depth(study)} layers only {ranges(tested)} {'was' if len(tested) == 1 else 'were'} trained alone; "
            "nothing is said of others."
        )
    if shorter := [m for m in study.ended if m.part > 1]:
        found.append(
            f"{count(len(shorter), 'setting').capitalize()} ended after a part of the training, because others "
            "scored more by then: one of these that learns slowly may be the best."
        )
    if lost := stopped(study):
        found.append(
            f"{count(len(lost), 'setting').capitalize()} {'was' if len(lost) == 1 else 'were'} asked some of the "
            "questions only, because one of the trainings clearly lost by then: another training may score more."
        )
    base = study.raw.get("base") or {}
    model = (base.get("language") or {}).get("model")
    if model == SCRATCH:
        found.append(
            "The language model is small and trained from scratch: a larger, pretrained one may read weak features "
            "better and shrink or move the gaps."
        )
    else:
        found.append(f"One language model ({model or 'unknown'}); another may read the same features differently.")
    if "scenes" in (base.get("data") or {}).get("test", ()):
        found.append("Most pictures are composed scenes with known truth, not photographs of the world.")
    else:
        found.append("The benchmarks stand for their categories only as far as their questions do.")
    found.append(
        "The highest score of a category is optimistic, because it was picked as the highest; the table gives beside "
        "it what a layer scores that is picked by other seeds and other pictures."
    )
    found += _sizes(study)
    if any(m.connector for m in study.members):
        found.append(
            "Connectors differ in parameters and image tokens, and all were trained with one learning rate: another "
            "rate may suit one of them better."
        )
    return found


def _sizes(study: Study) -> list[str]:
    """Settings that differ from single layers in parameters too, without a control that has as many."""
    equal = {len(m.layers) for m in study.members if m.control}
    wide = [m for m in study.members if not m.control and (width := _layers_beside(m)) > 1 and width not in equal]
    large = [m for m in study.members if m.fusion in _WITH_ATTENTION]
    found = []
    if wide:
        found.append(
            f"{_named(wide)} {'has' if len(wide) == 1 else 'have'} a wider connector than a single layer. The study "
            "has no control of equal size (one layer as often as layers or groups stand side by side, as in "
            "9,9,9:concat), so that the size may be the reason for a difference."
        )
    if large:
        found.append(
            f"{_named(large)} {'has' if len(large) == 1 else 'have'} attention layers that a single layer does not "
            "have, and no control of equal size, so that the size may be the reason for a difference."
        )
    return found


def _layers_beside(member: Member) -> int:
    """How many layers, or means of layers, stand side by side in front of the connector."""
    return len(blocks_of(Setting.parse(member.setting).layers, member.fusion))


def _named(members: Sequence[Member]) -> str:
    shown = [m.label for m in members[:_SHOWN]]
    return listed(shown if len(members) <= _SHOWN else [*shown, f"{count(len(members) - _SHOWN, 'other setting')}"])


def _seeds(low: int, high: int, findings: Findings) -> str:
    if not findings.noise_known:
        return "Too few seeds: training noise is unknown, so no difference between settings may be claimed."
    span = str(low) if low == high else f"{low} to {high}"
    widths = {
        c.name: 100 * max((s.half for s in c.scores.values() if s.half is not None), default=0.0)
        for c in findings.categories
    }
    wide = [f"{name} {half:.0f}" for name, half in widths.items()]
    return (
        f"{span} seed{'s' if high > 1 else ''} per setting. Training noise alone may move the mean of the noisiest "
        f"setting by so many points (95 %): {listed(wide)}. Settings differ in this: each is judged by its own noise "
        "and, carefully, by that of the others."
    )


def _looks(study: Study, findings: Findings) -> str:
    extra = [sum(t.seed in study.more_seeds for t in m.trials) for m in study.members]
    return (
        "Seeds were added, one after another, to settings that were undecided: this is look "
        f"{1 + max(extra, default=0)} of at most {1 + len(study.more_seeds)}. "
        f"Every look is judged at p < {findings.level:.2g} instead of "
        f"{ALPHA:g}, so that all looks together keep the probability of a false claim below {100 * ALPHA:g} %."
    )


def _features(study: Study) -> str:
    found = features(study)
    if found["stock_model"].startswith("as "):
        return "Features are read as LLaVA models of transformers read them: not normalised, not pooled."
    done = [
        *(["every patch vector is brought to mean 0 and variance 1"] if found["normalized"] else []),
        *([f"{found['pool']} x {found['pool']} patches are averaged"] if found["pool"] > 1 else []),
    ]
    return (
        f"Before the connector, {listed(done)}. LLaVA models of transformers do not do this, and it changes which "
        "layers do well: with raw features another layer may be better."
    )


def _questions(findings: Findings) -> str:
    parts = []
    for c in findings.categories:
        worst = max(c.scores.values(), key=lambda s: s.standard_error)
        parts.append((c.name, worst.n, worst.images, 196 * worst.standard_error))
    low, high = min(p[3] for p in parts), max(p[3] for p in parts)
    sizes = {p[1:3] for p in parts}
    if len(sizes) == 1:
        size = f"{parts[0][1]} questions on {parts[0][2]} images in each category"
    else:
        size = f"Questions (images) per category: {listed([f'{p[0]} {p[1]} ({p[2]})' for p in parts])}"
    spread = f"{high:.1f}" if high - low < 0.05 else f"{low:.1f} to {high:.1f}"
    if high == inf:
        return f"{size}: too few for any conclusion."
    return f"{size}. With other images one accuracy would move by about {spread} points (95 %)."


def _hole(member: Member) -> str:
    missing = [t for t in member.trials if not t.done]
    return f"{member.label} lacks {count(len(missing), 'seed')}"
