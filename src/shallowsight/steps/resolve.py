"""Resolve names, files and overrides into the one document that every later step takes. Needs no torch."""

from collections.abc import Collection, Mapping, Sequence

from shallowsight.cost.caching import pays_to_cache
from shallowsight.data.enough import require_kinds, require_pictures
from shallowsight.data.own_files import require_files
from shallowsight.data.record_kinds import kinds_of_test
from shallowsight.data.sources import source_facts
from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.judge.key import read_key
from shallowsight.model.files.pinned import pin
from shallowsight.model.language.families import require_entries, require_family
from shallowsight.model.language.kinds import layers_of, require_kind_of_model, require_language
from shallowsight.model.tower.facts import depth_of, describe
from shallowsight.observe.tracking.sender import require_tracking
from shallowsight.steps.machine import asked_to_answer
from shallowsight.steps.public_sets import public_sets
from shallowsight.store.training_states import require_states
from shallowsight.study.early_stop import require_usual_choice
from shallowsight.study.experiment import SCRATCH, Experiment
from shallowsight.study.image_tokens import feature_tokens
from shallowsight.study.legal import likely_settings, require_buildable, require_distinct
from shallowsight.study.overrides import load_experiment, load_study
from shallowsight.study.resolved import Resolved, SourceFacts
from shallowsight.study.stages import STAGES
from shallowsight.study.study import Study
from shallowsight.study.words import check_word_or_setting


def resolve_study(name_or_file: str, overrides: Sequence[str]) -> Resolved:
    """Resolve names, files, overrides and the tower into the one document that every later step takes.

    Raises:
        ConfigurationError: something that was named does not exist or does not fit.
    """
    return _resolve(load_study(name_or_file, overrides, depth_of))


def resolve_experiment(name_or_file: str, overrides: Sequence[str]) -> Resolved:
    """One experiment as a study of one setting and one seed; raises as `resolve_study`."""
    experiment = load_experiment(name_or_file, overrides, depth_of)
    study = Study(name=experiment.name, base=experiment, settings=(str(experiment.setting),), seeds=(experiment.seed,))
    return _resolve(study)


def _resolve(study: Study) -> Resolved:
    require_tracking()
    require_states()
    # Here too, because evaluation and judge come after all trainings.
    asked_to_answer()
    if study.base.judge.ask:
        read_key(study.base.judge.url)
    vision, language, data = study.base.vision, study.base.language, study.base.data
    require_files(data)  # before the hub is asked: an unreachable hub takes a minute to fail
    tower = describe(vision.tower, vision.revision, vision.prefix_tokens, vision.patch)
    try:
        for text in study.settings:
            check_word_or_setting(text, tower.depth)
        settings = likely_settings(study.settings, tower.depth)
    except ValueError as error:
        raise ConfigurationError(f"{tower.name}: {error}") from None
    require_usual_choice(study, tower.depth)
    tokens = feature_tokens(tower, vision)
    sources = {name: source_facts(name, data) for name in (*data.pretrain, *data.finetune, *data.test)}
    _require_enough(study.base, sources)
    images = sum(facts.images for facts in sources.values())
    cache = pays_to_cache(study.base, tower, tokens, images)
    digest, revision, language_layers = _pin_language(study.base, {setting.fusion for setting in settings})
    for setting in settings:
        require_buildable(study.base, setting, tower, language_layers)
    require_distinct(study.base, settings, tower)
    pinned = study.base.model_copy(
        update={
            "vision": vision.model_copy(update={"revision": tower.revision}),
            "language": language.model_copy(update={"revision": revision}),
        }
    )
    study = study.model_copy(update={"base": pinned})
    return Resolved(
        study=study,
        tower=tower,
        language_digest=digest,
        sources=sources,
        public=public_sets(study.base),
        cache_features=cache,
    )


def _require_enough(base: Experiment, sources: Mapping[str, SourceFacts]) -> None:
    """Check the counts that the records alone give.

    The data step counts again: the gate may remove records, and files may name the same pictures.
    """
    data = base.data
    own, trained = set(data.files), {*data.pretrain, *data.finetune}
    require_pictures(sum(sources[name].images if name in own else sources[name].train_rows for name in trained))
    require_kinds(base.own_benchmarks, kinds_of_test(data))


def _pin_language(base: Experiment, fusions: Collection[str]) -> tuple[str, str | None, int]:
    """Digest and revision of the language model, and its number of layers (0: its config.json says nothing)."""
    language = base.language
    if language.model == SCRATCH:
        return SCRATCH, None, language.depth
    found = pin("language.model", language.model, language.revision, SCRATCH)
    require_kind_of_model(language.model, found.config)
    require_family(found.config.get("model_type"), {name: base.stage(name) for name in STAGES})
    depth = layers_of(found.config)
    require_entries(found.config.get("model_type"), fusions, depth)
    require_language(language.model, found, language.max_length)
    return found.digest, found.revision, depth
