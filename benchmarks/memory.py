"""Whether the memory of data loading grows with the data: `python -m benchmarks.memory`. About two minutes.

Encodes a stage's texts and reads batches of them with their pictures, as a training process does but for the model,
over data sets of two sizes, each in a process of its own. Prints what each phase added to the peak of resident memory.
"""

import io
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = (10_000, 200_000)
BATCH, UPDATES, SIDE, IMAGE_TOKENS = 64, 200, 56, 16


def records(count: int) -> Iterator[dict[str, object]]:
    """Two turns each, texts of the lengths of LLaVA's."""
    random = np.random.default_rng(0)
    for number in range(count):
        words = " ".join(f"w{n}" for n in random.integers(0, 500, int(random.lognormal(3.5, 0.8)) + 1))
        talk = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": words}]
        yield {"id": f"record {number}", "image": f"files/folder/{number:08}.jpg", "conversations": talk}


def make_data(folder: Path, count: int) -> None:
    from shallowsight.data.records import write_jsonl
    from shallowsight.data.shards import write_shards
    from shallowsight.data.tokenizer import train_tokenizer

    kept = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (200, 30, 30)).save(kept, "JPEG")
    write_jsonl(records(count), folder / "finetune.jsonl")
    write_shards(((f"files/folder/{number:08}.jpg", kept.getvalue()) for number in range(count)), folder)
    train_tokenizer((f"w{n}" for n in range(500)), 600, folder / "tokenizer")


def peak() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(folder: Path) -> dict[str, float]:
    """Peak resident memory after each phase."""
    from shallowsight.data.batches import Batches, Share
    from shallowsight.data.conversation import TEMPLATES, encode_record
    from shallowsight.data.examples import Examples, write_examples
    from shallowsight.data.features import LiveFeatures
    from shallowsight.data.loading import Loader
    from shallowsight.data.records import read_jsonl
    from shallowsight.data.shards import Shards
    from shallowsight.model.language.language import load_tokenizer
    from shallowsight.model.tower.pictures import PictureProcessor
    from shallowsight.study.experiment import EMBEDDED_TOWER

    process = PictureProcessor(EMBEDDED_TOWER, SIDE, "crop")
    tokenizer, template = load_tokenizer(str(folder / "tokenizer")), TEMPLATES["v1"]
    encoded = (encode_record(r, template, tokenizer, 1) for r in read_jsonl(folder / "finetune.jsonl"))
    found = {"imports": peak()}
    with tempfile.TemporaryDirectory(dir=folder) as work:
        write_examples(encoded, Path(work), IMAGE_TOKENS, 512)
        found["texts encoded"] = peak()
        examples, shards = Examples(Path(work), IMAGE_TOKENS, 512), Shards(folder)
        features = LiveFeatures(lambda keys: process([shards.image(key) for key in keys]), lambda pixels: [pixels])
        batches = Batches(examples, features, BATCH, 0, tokenizer.eos_token_id, by_length=True, row_tokens=512)
        loader = Loader(batches, Share(0, 1, 1), 0, UPDATES, workers=0)
        for _ in range(UPDATES):
            for _ in loader.next_update():
                pass
        found[f"{UPDATES} batches read"] = peak()
    return found


def main() -> None:
    peaks = {}
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            # Data is made elsewhere: what that takes is not loading.
            for what in ("make", "load"):
                command = [sys.executable, "-m", "benchmarks.memory", what, folder, str(count)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[count] = json.loads(done.stdout.splitlines()[-1])
    small, large = (peaks[count] for count in SIZES)
    print(f"{'peak resident memory, MB':28}" + "".join(f"{count:>12,}" for count in SIZES) + "   growth a record")
    for phase in small:
        each = (large[phase] - small[phase]) * 2**20 / (SIZES[1] - SIZES[0])
        print(f"{phase:28}{small[phase]:12.0f}{large[phase]:12.0f}{each:9.0f} bytes")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        place, size = Path(sys.argv[2]), int(sys.argv[3])
        print(json.dumps(load(place)) if sys.argv[1] == "load" else make_data(place, size))
    else:
        main()
