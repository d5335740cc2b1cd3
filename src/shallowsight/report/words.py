"""The report's sentences: the answer at the top, texts that were shortened, and words for numbers and lists."""

from collections.abc import Sequence

from shallowsight.data.shortened import SHORTENED
from shallowsight.evaluate.statistics.family import OVERALL, Verdict
from shallowsight.evaluate.statistics.noise import LEAST_DOF
from shallowsight.report.choice import Choice
from shallowsight.report.findings import Findings
from shallowsight.report.values import Study
from shallowsight.report.ways import name_of_others

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
    """The number of layers of the tower; where neither facts nor analysis say it, the deepest layer in the study."""
    if isinstance(told := study.facts.get("depth"), int):
        return told
    known = [*(study.analysis.layers if study.analysis else ()), *(i for m in study.members for i in m.layers)]
    return max(known, default=1)


def headline(study: Study, findings: Findings, choices: Sequence[Choice]) -> str:
    """The answer in one line."""
    if not choices:
        return "No model of this study has been evaluated yet"
    if findings.planned.usual is None:
        return "No penultimate layer to compare with: scores, but no choice"
    if not findings.noise_known:
        return "Too few seeds: scores, but no claims yet"
    if not _other_layers(study, findings):
        return _headline_of_others(study, choices)
    single = [c for c in choices if c.category.name != OVERALL]
    if wins := [c for c in single if c.evidence]:
        layers = {c.chosen.layers[0] for c in wins if c.chosen}
        who = f"Layer {layers.pop()}" if len(layers) == 1 else "Another layer"
        return f"{who} beats the penultimate one in {_share(len(wins), len(single))}"
    if any(c.evidence for c in choices):
        return "Another layer beats the penultimate one over all categories together"
    if any(c.refused for c in choices):
        return "No layer is shown to beat the penultimate one: trainings have not levelled off"
    return "No layer is shown to beat the penultimate one"


def _other_layers(study: Study, findings: Findings) -> bool:
    """Whether a single layer is compared with the penultimate one."""
    return any(m.single and m.setting != findings.planned.usual for m in study.members)


def _headline_of_others(study: Study, choices: Sequence[Choice]) -> str:
    """Of a study whose only single layer is the penultimate one."""
    noun = name_of_others(study.members)
    one, none, than = (
        ("Another connector", "No other connector", "the study's own")
        if noun == "connector"
        else (f"A {noun}", f"No {noun}", "the penultimate layer alone")
    )
    single = [c for c in choices if c.category.name != OVERALL]
    if wins := [c for c in single if Verdict.A_BETTER in _against_singles(c)]:
        return f"{one} beats {than} in {_share(len(wins), len(single))}"
    if any(Verdict.A_BETTER in _against_singles(c) for c in choices):
        return f"{one} beats {than} over all categories together"
    return f"{none} is shown to beat {than}"


def _against_singles(choice: Choice) -> list[Verdict]:
    """The verdict on each setting that is no single layer, against every single layer."""
    category = choice.category
    return [each.verdict for (name, _), each in category.judgement.against_best.items() if name == category.name]


def _share(part: int, whole: int) -> str:
    if whole == 1:
        return "the only category"
    return f"all {number(whole)} categories" if part == whole else f"{number(part)} of {number(whole)} categories"


def lead(study: Study, findings: Findings, choices: Sequence[Choice]) -> list[str]:
    """The sentences below the headline."""
    if not choices:
        return ["The page will fill as cells finish; the table below shows the state of every setting."]
    if not findings.noise_known:
        return [
            f"A claim needs two seeds of both settings, and training noise must be known: that takes {LEAST_DOF} seeds "
            "more than the first ones, counted over all settings and categories together."
        ]
    if findings.planned.usual is None:
        without = (
            "Without the penultimate layer as one of its settings, the study plans no comparison of single layers."
        )
        return [without, *_others(study, choices)]
    sentences = []
    by_layer: dict[int, list[str]] = {}
    for c in choices:
        if c.evidence and c.chosen:
            by_layer.setdefault(c.chosen.layers[0], []).append(c.category.name)
    if by_layer:
        parts = [f"layer {layer} for {listed(names)}" for layer, names in sorted(by_layer.items())]
        sentences.append(f"Better than the penultimate layer, the usual choice: {'; '.join(parts)}.")
    rest = [c.category.name for c in choices if not c.evidence and not c.refused]
    if rest and _other_layers(study, findings):
        names = "any category, nor over all" if len(rest) == len(choices) > 1 else listed(rest, "or")
        sentences.append(f"No layer is shown to beat the penultimate one in {names}.")
    by_worse: dict[int, list[str]] = {}
    for c in choices:
        for member in c.worse:
            by_worse.setdefault(member.layers[0], []).append(c.category.name)
    if by_worse:
        parts = [f"layer {layer} on {listed(names)}" for layer, names in sorted(by_worse.items())]
        sentences.append(f"Worse than it: {'; '.join(parts)}.")
    if refused := [c.category.name for c in choices if c.refused]:
        sentences.append(
            f"On {listed(refused)} some settings differ from it, but their trainings have not levelled off or were not "
            "measured, so this is not claimed."
        )
    return [*sentences, *_others(study, choices)]


def _others(study: Study, choices: Sequence[Choice]) -> list[str]:
    """Whether any setting that is no single layer beats all of these; not the highest one only, which may be noisy."""
    noun = name_of_others(study.members)
    verdicts = {c.category.name: found for c in choices if (found := _against_singles(c))}
    gains = [name for name, found in verdicts.items() if Verdict.A_BETTER in found]
    unclear = [name for name, found in verdicts.items() if Verdict.NOT_LEVELLED in found and name not in gains]
    sentences = []
    if gains:
        sentences.append(f"A {noun} beats every single layer on {listed(gains)}.")
    if unclear:
        sentences.append(f"Whether a {noun} beats every single layer on {listed(unclear)}, longer training must show.")
    if verdicts and not sentences:
        sentences.append(f"No {noun} is shown to beat every single layer.")
    return sentences


def shortened(study: Study) -> list[str]:
    """A sentence for each step in which texts were cut or left out."""
    names = {"pretrain": "Records of pretraining", "finetune": "Records of finetuning", "evaluate": "Test questions"}
    return [f"{names[t.step]}: {t.found}. All ids: cells/{t.cell}/{SHORTENED}" for t in study.texts if t.found.share]
