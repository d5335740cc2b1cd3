"""Records of about the shape of LLaVA's: one to four questions and answers, one tiny picture for all."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

PICTURE = "coco/train2017/0.jpg"
_WORDS = "the a picture shows cat table under red window several people standing".split()


def write_corpus(folder: Path, count: int) -> Path:
    """`records.jsonl`, 0.8 KB a row, and `images/`."""
    random = np.random.default_rng(0)
    lengths = random.lognormal(3.0, 0.8, 5000).astype(int) + 1
    texts = [" ".join(_WORDS[i] for i in random.integers(0, len(_WORDS), length)) for length in lengths]
    (folder / "images" / PICTURE).parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "images" / PICTURE)
    with (folder / "records.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(count):
            talk = []
            for place in range(random.integers(1, 5)):
                asked, said = (texts[n] for n in random.integers(0, len(texts), 2))
                talk.append({"from": "human", "value": ("" if place else "<image>\n") + asked[:80]})
                talk.append({"from": "gpt", "value": said})
            lines.write(json.dumps({"id": f"{number:09}", "image": PICTURE, "conversations": talk}) + "\n")
    return folder / "records.jsonl"
