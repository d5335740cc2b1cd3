"""The report's sentences: the answer at the top, and the conclusions that the study does not allow."""

from collections.abc import Sequence

from shallowsight.data.shortened import SHORTENED
from shallowsight.evaluate.statistics import Verdict
from shallowsight.report.findings import Findings
from shallowsight.report.recommendation import Choice
from shallowsight.report.values import Member, Study
from shallowsight.study.experiment import SCRATCH

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(n: int) -> str:
    """`two`, `14`."""
    return NUMBERS[n] if n < len(NUMBERS) else str(n)


def count(n: int, noun: str) -> str:
    """`two layers`, `14 layers`."""
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


def listed(items: Sequence[object], last: str = "and") -> str:
    """`a, b and c`."""
    texts = [str(i) for i in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}" if texts else ""


def ranges(layers: Sequence[int]) -> str:
    """`4-7 and 9`: runs of consecutive numbers are joined."""
    runs: list[list[int]] = []
    for layer in sorted(layers):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return listed([t for r in runs for t in ([f"{r[0]}\N{EN DASH}{r[-1]}"] if len(r) > 2 else map(str, r))])


def depth(study: Study) -> int:
    """The number of layers of the tower; without an analysis, the deepest layer in the study."""
    known = [*(study.analysis.layers if study.analysis else ()), *(i for m in study.members for i in m.layers)]
    return max(known, default=1)


def headline(study: Study, choices: Sequence[Choice]) -> str:
    """The answer in one line."""
    if not choices:
        return "No model of this study has been evaluated yet"
    if all(c.category.floor is None for c in choices):
        return "One seed per setting: scores, but no claims yet"
    wins = [c for c in choices if c.evidence and c.last.better]
    if wins:
        layers = {c.best.layers[0] for c in wins if c.best}
        who = f"Layer {layers.pop()}" if len(layers) == 1 else "An earlier layer"
        return f"{who} beats the last one in {_share(len(wins), len(choices))}"
    if wins := [c for c in choices if c.evidence]:
        return f"The penultimate layer is beaten in {_share(len(wins), len(choices))}"
    return "No layer is distinguishable from the usual choice"


def _share(part: int, whole: int) -> str:
    if whole == 1:
        return "the only category"
    return f"all {number(whole)} categories" if part == whole else f"{number(part)} of {number(whole)} categories"


def lead(study: Study, choices: Sequence[Choice]) -> list[str]:
    """The sentences below the headline."""
    if not choices:
        return ["The page will fill as cells finish; the table below shows the state of every setting."]
    sentences = []
    shown = [c for c in choices if c.evidence and c.best]
    by_layer: dict[int, list[str]] = {}
    for c in shown:
        by_layer.setdefault(c.best.layers[0] if c.best else 0, []).append(c.category.name)
    if by_layer:
        parts = [f"layer {layer} for {listed(names)}" for layer, names in sorted(by_layer.items())]
        sentences.append(f"Best single layer of {depth(study)}: {'; '.join(parts)}.")
    if rest := [c.category.name for c in choices if not c.evidence]:
        sentences.append(f"No evidence for any choice on {listed(rest)}.")
    beaten = [c.category.name for c in choices if c.penultimate.better and c.above_chance]
    if any(c.penultimate.comparison for c in choices) and any(c.category.floor for c in choices):
        usual = "the penultimate layer, the usual choice,"
        sentences.append(
            f"Against {usual} the gain is distinguishable on {listed(beaten)}."
            if beaten
            else f"Against {usual} no gain is distinguishable."
        )
    fused = [c for c in choices if c.fusion_against_best]
    gains = [c.category.name for c in fused if c.fusion_against_best and _a_better(c.fusion_against_best.verdict)]
    if fused and any(c.category.floor for c in choices):
        sentences.append(
            f"Fusing layers adds to the best single layer on {listed(gains)}."
            if gains
            else "Fusing several layers is nowhere distinguishably better than the best single one."
        )
    return sentences


def shortened(study: Study) -> list[str]:
    """A sentence for each step in which texts were cut or left out."""
    names = {"pretrain": "Records of pretraining", "finetune": "Records of finetuning", "evaluate": "Test questions"}
    return [f"{names[t.step]}: {t.found}. All ids: cells/{t.cell}/{SHORTENED}" for t in study.texts if t.found.share]


def caveats(study: Study, findings: Findings) -> list[str]:
    """The conclusions that the study does not allow, given its tower, models, data and seeds."""
    found = []
    seeds = {len(s.seeds) for c in findings.categories for s in c.scores.values()}
    if seeds:
        found.append(_seeds(min(seeds), max(seeds), findings))
    if findings.categories:
        found.append(_questions(findings))
    found.append(
        f"One vision tower ({study.tower}). Another tower may have its useful layers elsewhere: layer numbers do not "
        "carry over, and neither need the order of the settings."
    )
    if holes := [m for m in study.members if len(m.done) < len(m.trials)]:
        found.append(f"Incomplete: {listed([_hole(m) for m in holes])}. A missing layer may be the best one.")
    tested = sorted({m.layers[0] for m in study.members if m.single and m.done})
    if tested and len(tested) < depth(study):
        found.append(
            f"Only layers {ranges(tested)} of {depth(study)} were trained as single layers; nothing is said of others."
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
        "The best layer is picked and scored on the same questions, so its own score is a little optimistic; the "
        "comparisons allow for that by correcting over all pairs."
    )
    return found


def _seeds(low: int, high: int, findings: Findings) -> str:
    floors = [(c.name, c.floor, min(len(s.seeds) for s in c.scores.values())) for c in findings.categories]
    known = [f"{name} {100 * floor.gap(max(s, 1), max(s, 1)):.1f}" for name, floor, s in floors if floor]
    if not known:
        return "One seed per setting: training noise is unknown, so no difference between settings may be claimed."
    span = str(low) if low == high else f"{low} to {high}"
    return (
        f"{span} seed{'s' if high > 1 else ''} per setting. Gaps that training noise alone can make, in points: "
        f"{listed(known)}. Smaller differences mean nothing here, however regular they look."
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
    return f"{size}. With other images one accuracy would move by about {spread} points (95 %)."


def _hole(member: Member) -> str:
    missing = [t for t in member.trials if not t.done]
    return f"{member.label} lacks {count(len(missing), 'seed')}"


def _a_better(verdict: Verdict) -> bool:
    return verdict is Verdict.A_BETTER
