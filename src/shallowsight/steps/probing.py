"""The step that probes every layer of the tower with the study's questions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from shallowsight.observe.progress import Progress, notice
from shallowsight.steps.machine import scratch, use_all_cores
from shallowsight.store.cells import encode_cell, prepare_cell, probe_cell
from shallowsight.store.computation import leave_note, this_computation
from shallowsight.store.store import Store
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.experiment import Vision
from shallowsight.study.resolved import Resolved


def probe_layers(resolved: Resolved, store: Store) -> Path | None:
    """How well each layer alone answers the questions of the benchmarks; None for a study without probes."""
    if not resolved.study.probes:
        return None

    def make(out: Path) -> None:
        from shallowsight.analysis.probes.probing import probe, write_probes
        from shallowsight.analysis.probes.questions import pictures_of, questions_about
        from shallowsight.analysis.probes.size import fitting, probed_vision

        use_all_cores()
        leave_note(out, [this_computation(processes=1)])
        facts, vision = resolved.tower, resolved.base.vision
        if not resolved.cache_features:
            vision = probed_vision(vision, facts)

        def encode(pictures: Sequence[str]) -> Mapping[int, Path]:
            if resolved.cache_features:
                return {layer: store.folder(encode_cell(resolved, layer)) for layer in range(1, facts.depth + 1)}
            return _encoded(resolved, store, vision, pictures, work)

        with scratch(store) as work:
            tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
            data = store.folder(prepare_cell(resolved))
            benchmarks = [find_benchmark(name) for name in resolved.base.own_benchmarks]
            shown = fitting(*pictures_of(data, benchmarks), facts, tokens)
            questions = questions_about(data, benchmarks, *shown)
            found = probe(facts, tokens, questions, encode, Progress("probing layers"))
        for name, reason in found["skipped"].items():
            notice(f"no probes for {name}: {reason}")
        write_probes(found, out)

    return store.build(probe_cell(resolved), make)


def _encoded(
    resolved: Resolved, store: Store, vision: Vision, pictures: Sequence[str], work: Path
) -> Mapping[int, Path]:
    """Run the tower over the pictures, for a study that does not cache features."""
    from shallowsight.data.shards import Shards
    from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers

    facts = resolved.tower
    folders = {layer: work / str(layer) for layer in range(1, facts.depth + 1)}
    for folder in folders.values():
        folder.mkdir()
    shown = PictureEncoder(vision, facts, facts.depth, resolved.base.finetune.picture)
    encoder = Encoder(shown, Shards(store.folder(prepare_cell(resolved))))
    tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
    encode_layers(encoder, pictures, folders, tokens, facts.width_of, Progress("encoding pictures for the probes"))
    return folders
