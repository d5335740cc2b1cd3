"""A process that knows transformers alone: it loads an exported folder and answers, as a stranger would."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

Messages = list[dict[str, Any]]

_PROGRAM = """
import json, sys, torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

folder, asked, found, longest = sys.argv[1:]
torch.set_num_threads(1)
processor = AutoProcessor.from_pretrained(folder)
model = AutoModelForImageTextToText.from_pretrained(folder).eval()
answers, ids, logits = [], [], {}
for number, (picture, messages) in enumerate(json.load(open(asked))):
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    pictures = Image.open(picture) if picture else None
    inputs = processor(images=pictures, text=text, return_tensors="pt")
    with torch.inference_mode():
        logits[str(number)] = model(**inputs).logits[0].contiguous()
        said = model.generate(**inputs, max_new_tokens=int(longest))[0, inputs["input_ids"].shape[1]:]
    ids.append(inputs["input_ids"][0].tolist())
    answers.append(processor.decode(said, skip_special_tokens=True).strip())
assert not [name for name in sys.modules if name.startswith("shallowsight")]
save_file(logits, found + ".safetensors")
json.dump({"class": type(model).__name__, "answers": answers, "ids": ids}, open(found, "w"))
"""


@dataclass(frozen=True)
class Stranger:
    """What the process found; `logits` has one [T, V] for each question."""

    class_name: str
    answers: list[str]
    ids: list[list[int]]
    logits: list[Tensor]


def ask_stranger(folder: Path, asked: list[tuple[Path | None, Messages]], work: Path, longest: int = 8) -> Stranger:
    """Ask each question; a picture of None is a question about no picture."""
    questions, found = work / "asked.json", work / "found.json"
    questions.write_text(json.dumps([(str(picture) if picture else None, messages) for picture, messages in asked]))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _PROGRAM, str(folder), str(questions), str(found), str(longest)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    read = json.loads(found.read_text())
    logits = load_file(f"{found}.safetensors")
    ordered = [logits[str(number)] for number in range(len(asked))]
    return Stranger(read["class"], read["answers"], read["ids"], ordered)


def user(question: str, pictured: bool = True) -> dict[str, Any]:
    """A message in parts, as chat interfaces write it."""
    image = [{"type": "image"}] if pictured else []
    return {"role": "user", "content": [*image, {"type": "text", "text": question}]}
