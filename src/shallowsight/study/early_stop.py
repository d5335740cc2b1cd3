"""A study that ends evaluations early: which setting the others are compared with, and what is written of one."""

from fractions import Fraction

from shallowsight.errors import ConfigurationError
from shallowsight.study.fields import Part
from shallowsight.study.layers import Layers
from shallowsight.study.settings import Setting
from shallowsight.study.study import Study
from shallowsight.study.words import needs_groups, resolve_settings

SCREEN = "screen.json"
LOOKS = 4  # after equal parts of the pictures; the last part belongs to the whole evaluation


class CategoryLook(Part):
    """One category after some of its pictures."""

    pictures: int
    questions: int
    gap: float  # the mean score less that of the usual choice
    p: float | None  # that no more is lost than training noise may cost; None: not tested
    limit: float  # for p, at this look
    clearly_loses: bool


class Screened(Part):
    """The content of screen.json: what was found before an evaluation was stopped, or went on."""

    usual: str  # the setting that this one is compared with
    stopped: bool
    asked: int  # questions, by the last look
    questions: int  # of a whole evaluation
    looks: tuple[dict[str, CategoryLook], ...]  # category -> what was known; a category without new pictures is missing

    @property
    def after(self) -> str:
        """The share of the pictures that were asked about: `1/4`."""
        return str(Fraction(len(self.looks), LOOKS))


def usual_choice(depth: int) -> Setting:
    """The penultimate layer, with which every planned comparison is made."""
    return Setting(Layers.of(depth - 1), "single")


def may_end_early(study: Study, depth: int, setting: Setting) -> bool:
    """Whether the evaluation of a setting may end before all questions are asked."""
    return study.early_stop and setting != usual_choice(depth)


def require_usual_choice(study: Study, depth: int) -> None:
    """Refuse to end evaluations early where there is nothing to compare with, or nothing to end.

    Raises:
        ConfigurationError: the message says what to name, or to leave out.
    """
    if not study.early_stop:
        return
    # What the groups of the analysis will be is not known yet, so that their word counts as other settings.
    known = [text for text in study.settings if not needs_groups([text])]
    settings = list(resolve_settings(known, depth, ()))
    without = "or set early_stop=false"
    if depth < 2 or usual_choice(depth) not in settings:
        layer = f"layer {depth - 1}" if depth > 1 else "which a tower of one layer does not have"
        raise ConfigurationError(
            f"early_stop=true compares every setting with the penultimate layer, {layer}, and the settings are "
            f"{' '.join(study.settings)}: add penultimate, {without}"
        )
    if settings == [usual_choice(depth)] and len(known) == len(study.settings):
        raise ConfigurationError(
            f"early_stop=true with the setting {settings[0]} alone: all others are compared with it, and there is no "
            f"other; name a second setting, {without}"
        )
