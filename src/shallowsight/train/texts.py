"""A stage's records as token ids, encoded once on each node."""

import logging

from shallowsight.data.conversation import TEMPLATES, encode_record
from shallowsight.data.examples import Examples, write_examples
from shallowsight.data.plain_text import Tokenizer
from shallowsight.data.records import read_jsonl
from shallowsight.errors import ConfigurationError
from shallowsight.train.job import StageJob
from shallowsight.train.processes import Processes

log = logging.getLogger(__name__)


def read_examples(job: StageJob, tokenizer: Tokenizer, processes: Processes) -> Examples:
    """Raises ConfigurationError when no record has an answer within the language model's length."""
    vision, limit = job.experiment.vision, job.experiment.language.max_length
    image_tokens = job.tower.tokens(vision.image_size, vision.pool, vision.features)
    if image_tokens >= limit:
        raise ConfigurationError(
            f"one picture is {image_tokens} tokens, language.max_length is {limit}: raise it, or vision.pool"
        )
    folder = job.work / f"examples-{job.stage}"
    if processes.leads_node:
        template = TEMPLATES[job.settings.template]
        records = read_jsonl(job.data / f"{job.stage}.jsonl")
        encoded = (encode_record(record, template, tokenizer, image_tokens=1) for record in records)
        cut, left_out = write_examples(encoded, folder, image_tokens, limit)
        if cut:
            log.warning("%d records are longer than language.max_length=%d tokens and are cut there", cut, limit)
        if left_out:
            log.warning("%d records have no answer within %d tokens and are left out", left_out, limit)
    processes.wait()
    examples = Examples(folder, image_tokens, limit)
    if not len(examples):
        raise ConfigurationError(f"no record of {job.stage} has an answer within language.max_length={limit} tokens")
    return examples
