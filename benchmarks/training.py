"""How much faster a stage trains here than elsewhere, at the same loss: `python -m benchmarks.training`.

One scale model of the paper's finetuning (training_parts/corpus.py says which), one machine, one seed, float32, the
same batches for all: transformers' Trainer over its own LLaVA, the public recipe's way (random padded batches, logits
at every position, all layers of the tower on every batch, activation checkpointing as its scripts set), and ours with
one lever after the other. Every way runs in a process of its own, `ROUNDS` times in turn; the first `WARM` updates of
each are not counted. About a quarter of an hour on a quiet machine.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.training_parts.corpus import LAYER, make_corpus, make_data, make_experiment, make_tower

ROWS, BATCH, UPDATES, WARM, ROUNDS, SEED = 480, 32, 15, 1, 3, 0  # one epoch, so that every order has the same rows
TOLERANCE = 0.02  # of the loss; the cache rounds features to half precision, the others do not
OURS: dict[str, dict[str, object]] = {
    "ours: logits where there are labels, tower cut": {"accumulation": 1},
    "  + passes sorted by length": {},
    "  + features from the cache": {"cached": True},
    "  + batches by length": {"cached": True, "order": "by_length"},
    "ours, rows packed instead, with the cache": {"cached": True, "packed": True},
}
PUBLIC, PLAIN, TRAINER = "public recipe's way", "  without its checkpointing", "transformers' Trainer"
PEERS = (PUBLIC, PLAIN, TRAINER)
OTHER_BATCHES = "  + batches by length"


def train(way: str, folder: Path) -> list[tuple[float, float]]:
    """Seconds and loss of every update."""
    import torch

    from benchmarks.training_parts import peers
    from shallowsight.data.conversation import TEMPLATES, encode_record
    from shallowsight.data.examples import Examples, write_examples
    from shallowsight.data.records import read_jsonl
    from shallowsight.data.shards import Shards
    from shallowsight.model.language.language import load_tokenizer
    from shallowsight.model.tower.families import describe
    from shallowsight.model.vlm import VLM

    experiment = make_experiment(folder, UPDATES, BATCH)
    if way in OURS:
        return _train_ours(OURS[way], folder)
    tokenizer = load_tokenizer(str(folder / "data" / "tokenizer"))
    image_tokens, limit = (168 // 14) ** 2, experiment.language.max_length
    template = TEMPLATES[experiment.finetune.template]
    records = read_jsonl(folder / "data" / "finetune.jsonl")
    with tempfile.TemporaryDirectory() as work:
        write_examples((encode_record(r, template, tokenizer, 1) for r in records), Path(work), image_tokens, limit)
        corpus = peers.Corpus(
            experiment, Examples(Path(work), image_tokens, limit), Shards(folder / "data"), tokenizer.eos_token_id
        )
        torch.manual_seed(experiment.seed)
        model = VLM(experiment, describe(experiment.vision.tower), tokenizer)
        if way == TRAINER:
            return peers.transformers_trainer(corpus, model)
        return peers.public_recipe(corpus, model, checkpointing=way == PUBLIC)


def _train_ours(lever: dict[str, object], folder: Path) -> list[tuple[float, float]]:
    from shallowsight.model.threads import threads_for
    from shallowsight.model.tower.facts import describe
    from shallowsight.train.process_task import ProcessTask
    from shallowsight.train.stage import run_stage

    experiment = make_experiment(folder, UPDATES, BATCH)
    changes = {key: value for key, value in lever.items() if key not in {"cached", "accumulation"}}
    stage = experiment.finetune.model_copy(update=changes)
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "out").mkdir()
        job = ProcessTask(
            experiment=experiment.model_copy(update={"finetune": stage}),
            tower=describe(str(folder / "tower")),
            stage="finetune",
            data=folder / "data",
            feature_folders=(folder / "features",) if "cached" in lever else None,
            start=None,
            out=Path(work) / "out",
            work=Path(work),
            accumulation=lever.get("accumulation"),
            threads=threads_for(1),
        )
        run_stage(job, lambda record, _: found.append((record.seconds, record.loss)))
    return found


def encode(folder: Path) -> None:
    """The cache, once for all that read it."""
    from shallowsight.data.shards import Shards
    from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers
    from shallowsight.model.tower.facts import describe

    experiment, facts, shards = (
        make_experiment(folder, UPDATES, BATCH),
        describe(str(folder / "tower")),
        Shards(folder / "data"),
    )
    encoder = Encoder(PictureEncoder(experiment.vision, facts, LAYER, experiment.finetune.picture), shards)
    (folder / "features").mkdir()
    encode_layers(
        encoder, list(shards.keys()), {LAYER: folder / "features"}, (168 // 14) ** 2, facts.width_of, lambda *_: None
    )


def measure(folder: Path, progress: Callable[[str], None]) -> dict[str, list[list[tuple[float, float]]]]:
    ways = [PUBLIC, PLAIN, TRAINER, *OURS]
    found: dict[str, list[list[tuple[float, float]]]] = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way in ways:
            progress(f"round {number + 1} of {ROUNDS}: {way.strip()}")
            command = [sys.executable, "-m", "benchmarks.training", str(folder), way]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main() -> None:
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as temporary, console.status("preparing data") as status:
        folder = Path(temporary)
        make_corpus(folder, ROWS, SEED)
        make_tower(folder / "tower")
        make_data(make_experiment(folder, UPDATES, BATCH), folder)
        encode(folder)
        found = measure(folder, status.update)
    speeds = {
        way: [BATCH * len(run[WARM:]) / sum(seconds for seconds, _ in run[WARM:]) for run in runs]
        for way, runs in found.items()
    }
    table = Table("way", "samples/s", *(f"x {peer.strip()}" for peer in PEERS), "last loss")
    for way, rounds in speeds.items():
        # Side by side within a round: a machine's own speed changes between rounds.
        ratios = [[own / other for own, other in zip(rounds, speeds[peer], strict=True)] for peer in PEERS]
        table.add_row(way, *map(_spread, [rounds, *ratios]), f"{found[way][0][-1][1]:.4f}")
    console.print(table)
    losses = {way: [loss for _, loss in runs[0]] for way, runs in found.items() if way != OTHER_BATCHES}
    apart = max(abs(a - b) for own in losses.values() for a, b in zip(own, losses[PUBLIC], strict=True))
    console.print(f"largest difference of a loss at the same update and batch: {apart:.5f} nats")
    if apart > TOLERANCE:
        sys.exit(f"the losses disagree by more than {TOLERANCE}: these are not the same trainings")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(train(sys.argv[2], Path(sys.argv[1]))))
    else:
        main()
