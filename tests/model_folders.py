"""Folders of models as save_pretrained leaves them, without torch: their weights are of no use."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ("<s>", "</s>", "red", "green", "blue")


def language_folder(folder: Path, **config: Any) -> Path:
    """A Llama of five words; keywords are keys of its config.json."""
    folder.mkdir()
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="red"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["<s>", "</s>"])
    made.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    write_json(folder / "tokenizer_config.json", names)
    own = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": len(WORDS),
        "max_position_embeddings": 512,
    }
    write_json(folder / "config.json", own | config)
    save_file({"a": np.ones(3, np.float32), "b": np.ones(2, np.float32)}, folder / "model.safetensors")
    return folder


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def change_json(path: Path, **changes: Any) -> None:
    """Keys of a file of JSON; None takes one away."""
    raw = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {key: value for key, value in raw.items() if value is not None})
