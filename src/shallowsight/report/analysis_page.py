"""The page of an analysis without a study: prepares the values for the template, which only arranges them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shallowsight import __version__
from shallowsight.report.analysis_figures import maps_of, profile_svg, profiles_of
from shallowsight.report.figures import similarity_svg
from shallowsight.report.group_words import group_sentences, real_groups
from shallowsight.report.label_probes import column_profiles, column_sentences
from shallowsight.report.values import Analysis
from shallowsight.report.words import count, listed, ranges

TEMPLATE = "analysis.html.j2"
SHOWN = 50  # unreadable files


def render(found: Mapping[str, Any], analysis: Analysis) -> str:
    """The text of the whole page, which needs no other file; every value is escaped but the drawn figures."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    unreadable = list(found["pictures"]["unreadable"].items())
    return environment.get_template(TEMPLATE).render(
        version=__version__,
        tower=found["tower"]["name"],
        headline=_headline(found, analysis),
        facts=_facts(found),
        groups=[*group_sentences(analysis), *_places(found), *_test(found), *_widths(found)],
        maps=[(name, Markup(similarity_svg(analysis, name, matrix))) for name, matrix in maps_of(found)],
        profiles=[(each.title, Markup(profile_svg(analysis, each))) for each in profiles_of(found)],
        columns=[(each.title, Markup(profile_svg(analysis, each))) for each in column_profiles(found)],
        column_sentences=column_sentences(found),
        neighbours=[_row(each, analysis) for each in found["neighbours"]],
        sample=found["images"],
        framed=bool(real_groups(analysis)),
        measures=list(found["measures"].items()),
        unreadable=unreadable[:SHOWN],
        more_unreadable=max(0, len(unreadable) - SHOWN),
    )


def _headline(found: Mapping[str, Any], analysis: Analysis) -> str:
    groups = real_groups(analysis)
    if not groups:
        return f"The {count(len(analysis.layers), 'layer')} form no groups"
    parts = listed([f"{group.layers[0]}\N{EN DASH}{group.layers[-1]}" for group in groups])
    asked = ", as many as were asked for" if found["groups_asked"] else ""
    return f"{count(len(groups), 'group').capitalize()} of layers: {parts}{asked}"


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    tower, pictures = found["tower"], found["pictures"]
    side = tower["image_size"]
    widths = listed(tower["widths"]) if tower["widths"] else str(tower["width"])
    facts = [
        ("vision tower", f"{tower['name']}, {tower['depth']} layers of width {widths}"),
        ("pictures", f"{pictures['read']:,} of {pictures['found']:,}"),
        ("size", f"{side} x {side} pixels, {(side // tower['patch']) ** 2} patches"),
        ("digest of the weights", tower["digest"][:19]),
    ]
    if pictures["unreadable"]:
        facts.append(("not readable", count(len(pictures["unreadable"]), "file")))
    return facts


def _places(found: Mapping[str, Any]) -> list[str]:
    """Where borders lie in random halves of the pictures, and the layers between."""
    moved = [place for place in found["places"] if place["transition"]]
    sentences = [
        f"The border after layer {place['after']} moves with the pictures: "
        + listed([f"after layer {after} in {100 * share:.0f} % of random halves" for after, share in _often(place)])
        + "."
        for place in moved
    ]
    if found["transition_layers"]:
        sentences.append(f"Transition layers, which change sides: {ranges(found['transition_layers'])}.")
    elif found["places"]:
        sentences.append("No layer changes sides in 5 % of random halves of the pictures.")
    return sentences


def _often(place: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(after, share) for after, share in place["places"].items() if share >= 0.05]


def _test(found: Mapping[str, Any]) -> list[str]:
    """What the test of groups says where a number of groups was asked for."""
    if not found["groups_asked"]:
        return []
    test = found["evidence_of_the_test"]
    if test["p"] is None:
        return ["The number of groups was asked for; the tower has too few layers for a test of groups."]
    wording = "no groups" if test["groups"] == 1 else count(test["groups"], "group")
    return [f"The number of groups was asked for; the test of groups finds {wording} (p = {test['p']:.2g})."]


def _widths(found: Mapping[str, Any]) -> list[str]:
    """What the cosine says of layers of different widths."""
    if len(set(found["tower"]["widths"])) < 2:
        return []
    return [
        "Layers of different widths share no direction, so that their cosine is 0, and a border between them follows "
        "from the widths alone; CKA compares them."
    ]


def _row(each: Mapping[str, Any], analysis: Analysis) -> dict[str, Any]:
    after = each["layers"][0]
    return {
        "layers": f"{after} \N{RIGHTWARDS ARROW} {each['layers'][1]}",
        "border": any(group.layers[-1] == after for group in real_groups(analysis)[:-1]),
        "cosine": _with_interval(each, "cosine"),
        "cka": _with_interval(each, "cka"),
    }


def _with_interval(each: Mapping[str, Any], name: str) -> tuple[str, str]:
    low, high = each[f"{name}_interval"]
    return f"{each[name]:.3f}", f"{low:.3f} to {high:.3f}"
