"""The sentences and curves about labels that probes read."""

from typing import Any

from shallowsight.report.label_probes import column_profiles, column_sentences


def row(accuracy: float, error: float = 0.01, sd: float = 0.0) -> dict[str, float]:
    return {"accuracy": accuracy, "error": error, "sd": sd}


def found(accuracies: list[float], **changes: Any) -> dict[str, Any]:
    column = {
        "name": "kind",
        "category": "kind",
        "n": 40,
        "rare_test": 0.0,
        "without_picture": row(0.25),
        "layers": [{"layer": layer} | row(value) for layer, value in enumerate(accuracies, start=1)],
    }
    return {"probes": {"seeds": 3, "benchmarks": [column | changes], "skipped": {"size": "too few"}}}


def test_the_best_layer_and_those_near_it() -> None:
    sentences = column_sentences(found([0.5, 0.88, 0.9, 0.89, 0.6]))
    assert sentences == [
        "kind: layer 3 has the highest probe, 90.0 % of 40 labels; layers 2\N{EN DASH}4 are within twice its error "
        "(2.0 points). Without the picture: 25.0 %.",
        "size: not probed: too few",
    ]


def test_no_other_layer_and_rare_labels() -> None:
    (first, _) = column_sentences(found([0.5, 0.9], rare_test=0.1))
    assert "no other layer is within twice its error" in first
    assert first.endswith("10.0 % of the labels are too rare in training and count as wrong.")


def test_the_band_is_the_larger_error() -> None:
    layers = [{"layer": 1} | row(0.5, error=0.01, sd=0.03), {"layer": 2} | row(0.6, error=0.02)]
    (profile,) = column_profiles(found([], layers=layers))
    x, y, low, high = profile.curves["probe"]
    assert (x, y) == ([1, 2], [50, 60]) and low is not None and high is not None
    assert [round(value, 6) for value in (*low, *high)] == [44, 56, 56, 64]
    assert profile.curves["without the picture"][1] == [25, 25]


def test_an_analysis_without_labels_says_nothing() -> None:
    assert column_sentences({}) == [] and column_profiles({}) == []
