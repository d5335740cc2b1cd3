"""The data step: the data gate, shards, questions and tokenizer."""

from pathlib import Path

from shallowsight.data.sources import source_facts
from shallowsight.errors import ShallowsightError
from shallowsight.observe.progress import Progress, notice
from shallowsight.steps.machine import scratch
from shallowsight.store.cells import prepare_cell
from shallowsight.store.store import Store
from shallowsight.study.experiment import SCRATCH
from shallowsight.study.legal import likely_settings, most_image_tokens
from shallowsight.study.resolved import Resolved


def prepare_data(resolved: Resolved, store: Store) -> Path:
    """Run the data gate, and write the shards, the questions and the tokenizer.

    Raises:
        DataRefused: the gate found too many bad rows (its findings stay in `validation/` of the store), or too many
            texts are longer than `language.max_length`.
        ConfigurationError: a file cannot be read, or a benchmark has no questions.
    """
    from shallowsight.data.lengths import require_lengths
    from shallowsight.data.prepare import prepare, require_questions
    from shallowsight.model.language.given_tokenizer import given_tokenizer

    cell = prepare_cell(resolved)

    def make(out: Path) -> None:
        language = resolved.base.language
        # Before the data is read, so that an error of the tokenizer shows at once.
        given = given_tokenizer(language) if language.model != SCRATCH else None
        progress: dict[str, Progress] = {}

        def show(what: str, done: int, total: int) -> None:
            progress.setdefault(what, Progress(what))(done, total)

        with scratch(store) as work:
            try:
                prepare(resolved.base, out, work, store.root / "validation", given, show, notice)
            finally:
                store.share("validation")
        data = resolved.base.data
        if any(source_facts(name, data) != facts for name, facts in resolved.sources.items()):
            raise ShallowsightError("the data changed while it was read; run the same command again")

    store.build(cell, make)
    folder = store.folder(cell)
    # Checked for a reused cell too: its digest covers neither the benchmarks nor the lengths and chat templates.
    require_questions(resolved.base.own_benchmarks, folder)
    likely = likely_settings(resolved.study.settings, resolved.tower.depth)
    tokens = most_image_tokens(resolved.base, likely, resolved.tower)
    require_lengths(resolved.base, tokens, folder)
    return folder
