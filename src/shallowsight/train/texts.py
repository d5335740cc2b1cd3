"""A stage's records as token ids, encoded once on each node."""

import logging
from pathlib import Path

from shallowsight.data.conversation import TEMPLATES, encode_record
from shallowsight.data.examples import Examples, write_examples
from shallowsight.data.plain_text import Tokenizer
from shallowsight.data.records import read_jsonl
from shallowsight.data.shortened import SHORTENED, Shortened, require_few
from shallowsight.errors import ConfigurationError
from shallowsight.study.image_tokens import image_tokens
from shallowsight.train.process_task import ProcessTask
from shallowsight.train.processes import Processes

log = logging.getLogger(__name__)


def read_examples(task: ProcessTask, tokenizer: Tokenizer, processes: Processes) -> Examples:
    """Encode the stage's records once on each node, and note which of them are shortened or left out.

    Raises:
        ConfigurationError: no record has an answer within `language.max_length` tokens.
        DataRefused: too many records are longer than that.
    """
    limit, tokens = task.experiment.language.max_length, image_tokens(task.experiment, task.tower)
    if tokens >= limit:
        raise ConfigurationError(
            f"one picture is {tokens} tokens, but language.max_length is {limit}: "
            "raise language.max_length or vision.pool"
        )
    folder = _folder(task)
    if processes.leads_node:
        template = TEMPLATES[task.settings.template]
        records = read_jsonl(task.data / f"{task.stage}.jsonl")
        encoded = (encode_record(record, template, tokenizer, image_tokens=1) for record in records)
        write_examples(encoded, folder, tokens, limit).write(folder / SHORTENED)
        if task.settings.updates == 0:  # the stage uses no records, so none counts as shortened
            Shortened(limit).write(folder / SHORTENED)
    processes.wait()
    examples = Examples(folder, tokens, limit)
    if task.settings.updates == 0:
        return examples
    if not len(examples):
        raise ConfigurationError(f"no record of {task.stage} has an answer within language.max_length={limit} tokens")
    shortened = read_shortened(task)
    require_few(f"{task.stage} records", shortened, task.experiment.data.max_bad_share)
    if processes.leads:
        log.log(logging.WARNING if shortened.share else logging.INFO, "%s records: %s", task.stage, shortened)
    return examples


def read_shortened(task: ProcessTask) -> Shortened:
    """Which records are shortened or left out; works after `read_examples` on this node."""
    return Shortened.read(_folder(task) / SHORTENED)


def _folder(task: ProcessTask) -> Path:
    return task.work / f"examples-{task.stage}"
