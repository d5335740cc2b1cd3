"""The content of recommendation.json: a layer for each category and over all, with what it rests on."""

from typing import Any

from shallowsight.evaluate.statistics.family import Verdict
from shallowsight.evaluate.statistics.looks import level_of
from shallowsight.report.choice import RULE, Choice, versus
from shallowsight.report.exported import exported
from shallowsight.report.values import Study

NOTE = (
    "Layers count from 1; vision_feature_layer is the index into Hugging Face `hidden_states` (0 = embeddings). "
    "Evidence is a planned comparison with the penultimate layer: p < {level:.2g} after Holm's correction over all "
    "planned comparisons of the study, and trainings that have levelled off. Everything holds for this tower, these "
    "features, this language model, this training and these questions."
)


def recommendation(study: Study, choices: tuple[Choice, ...]) -> dict[str, Any]:
    """The content of recommendation.json."""
    return {
        "study": study.name,
        "tower": study.tower,
        "features": features(study),
        "rule": RULE,
        "weights": "all categories count alike in `all categories`",
        "categories": {c.category.name: _entry(c) for c in choices},
        "transformers": exported(study, choices),
        "note": NOTE.format(level=level_of(study.more_seeds)),
    }


def features(study: Study) -> dict[str, Any]:
    """What the connector was given, and what a stock model would need to be given the same."""
    vision = (study.raw.get("base") or {}).get("vision") or {}
    normalize, pool = bool(vision.get("normalize", False)), int(vision.get("pool", 1))
    needs = []
    if normalize:
        needs.append(
            "each patch vector brought to mean 0 and variance 1 before the projector (torch layer_norm without weights)"
        )
    if pool > 1:
        needs.append(f"{pool} x {pool} neighbouring patches averaged before the projector")
    return {
        "normalized": normalize,
        "pool": pool,
        "kind": vision.get("features", "patch"),
        "image_size": vision.get("image_size"),
        "stock_model": (
            f"LLaVA models of transformers do not do this: {'; '.join(needs)}. With their raw features another layer "
            "may be better."
            if needs
            else "as LLaVA models of transformers read them"
        ),
    }


def _entry(c: Choice) -> dict[str, Any]:
    layer = c.chosen.layers[0] if c.chosen else None
    return {
        "layer": layer,
        "confidence": "evidence" if c.evidence else "no evidence",
        "why": _why(c),
        "vision_feature_layer": layer,
        "highest_layer": c.highest.layers[0] if c.highest else None,
        "accuracy_of_highest": c.score.accuracy if c.score else None,
        "accuracy_of_picking": c.picked_score,
        "not_distinguishable_from_best": [m.layers[0] for m in c.equals],
        "better_than_penultimate": [m.layers[0] for m in c.better],
        "worse_than_penultimate": [m.layers[0] for m in c.worse],
        "refused": list(c.refused),
        "no_worse_than_penultimate_by": {str(n.member.layers[0]): n.points for n in c.no_worse},
        "fusion": _fusion(c),
    }


def _why(c: Choice) -> str:
    if c.usual is None:
        return "the study has no penultimate layer, which is what a choice is compared with"
    if c.evidence and c.chosen:
        found = c.category.compare(c.chosen.setting, c.usual.setting)
        return versus(found, f"the penultimate {c.usual.label}") if found else ""
    if c.category.judgement.noise.get(c.category.name):
        stays = f"no layer is shown to beat the penultimate {c.usual.label}, which stays"
        return "; ".join((stays, *c.refused))
    return f"{Verdict.FEW_SEEDS.value}; the penultimate {c.usual.label} stays"


def _fusion(c: Choice) -> dict[str, Any] | None:
    if c.fusion is None or c.fusion_score is None:
        return None
    words = [
        versus(found, name)
        for found, name in (
            (c.fusion_against_best, "every single layer"),
            (c.fusion_against_usual, "the penultimate layer"),
        )
        if found is not None
    ]
    better = c.fusion_against_best is not None and c.fusion_against_best.verdict is Verdict.A_BETTER
    return {
        "setting": c.fusion.setting,
        "layers": list(c.fusion.layers),
        "fusion": c.fusion.fusion,
        "connector": c.fusion.connector,  # None: the study's own
        "accuracy": c.fusion_score.accuracy,
        "evidence": ", ".join(words) or "nothing to compare with",
        "confidence": "evidence" if better else "no evidence",
    }
