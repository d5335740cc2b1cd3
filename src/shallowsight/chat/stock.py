"""An exported folder in a chat: transformers alone makes the answer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from shallowsight.chat.model import ChatModel, Say, Spoken, Turns
from shallowsight.data.pictures.upright import upright_rgb
from shallowsight.errors import ConfigurationError
from shallowsight.export.expressible import STOCK_CLASSES

if TYPE_CHECKING:
    from PIL import Image


class StockModel(ChatModel):
    """The model of an exported folder, and one picture."""

    def __init__(self, folder: Path, picture: "Image.Image", longest: int) -> None:
        """Raises ConfigurationError when the folder holds another kind of model; `longest` is in tokens."""
        family = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
        if family not in STOCK_CLASSES:
            raise ConfigurationError(f"{folder} holds a {family!r} model; a chat takes {' and '.join(STOCK_CLASSES)}")
        self._processor = AutoProcessor.from_pretrained(folder)
        self._model: Any = AutoModelForImageTextToText.from_pretrained(folder).eval()
        self._model.to("cuda" if torch.cuda.is_available() else "cpu")
        self._picture, self._longest = upright_rgb(picture), longest

    def answer(self, question: str, earlier: Turns, say: Say) -> str:
        inputs = self._inputs(question, earlier).to(self._model.device)
        spoken = Spoken(self._text, say, prompt=inputs["input_ids"].shape[1])
        self._model.generate(**inputs, max_new_tokens=self._longest, streamer=spoken)
        return spoken.said

    def has_room(self, question: str, earlier: Turns) -> bool:
        positions: int | None = getattr(self._model.config.text_config, "max_position_embeddings", None)
        tokens = self._inputs(question, earlier)["input_ids"].shape[1]
        return positions is None or tokens + self._longest <= positions

    def _inputs(self, question: str, earlier: Turns) -> Any:
        messages: list[dict[str, Any]] = []
        for asked, answered in (*earlier, (question, "")):
            messages.append(_message("user", asked))
            messages.append(_message("assistant", answered))
        messages[0]["content"].insert(0, {"type": "image"})
        text = self._processor.apply_chat_template(messages[:-1], add_generation_prompt=True)
        return self._processor(images=self._picture, text=text, return_tensors="pt")

    def _text(self, ids: list[int]) -> str:
        text: str = self._processor.decode(ids, skip_special_tokens=True)
        return text.strip()


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}
