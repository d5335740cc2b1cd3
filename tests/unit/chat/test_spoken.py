"""An answer appears piece by piece, and the pieces are the answer."""

from collections.abc import Iterable

import pytest
import torch
import typer
from typer.testing import CliRunner

from shallowsight.chat.model import Spoken
from shallowsight.chat.talk import LEFT_OUT, NO_ANSWER, talk
from shallowsight.cli import use

LETTERS = "xaœ b"  # by token id


def said(tokens: list[int], prompt: int = 0) -> list[str]:
    """The pieces; each token is a byte of the text."""
    text = "xaœ b".encode()
    pieces: list[str] = []

    def decode(ids: list[int]) -> str:
        return bytes(text[i] for i in ids).decode(errors="replace").strip()

    spoken = Spoken(decode, pieces.append, prompt)
    spoken.put(torch.tensor([tokens[:prompt]]))
    for token in tokens[prompt:]:
        spoken.put(torch.tensor([token]))
    spoken.end()
    assert "".join(pieces) == spoken.said
    return pieces


def test_pieces() -> None:
    assert said([0, 1]) == ["x", "a"]
    assert said([4, 0, 4, 5, 4]) == ["x", " b"]  # outer spaces are not said, inner ones are
    assert said([0, 2, 3, 1]) == ["x", "œ", "a"]  # a letter of two bytes is said when it is whole
    assert said([0, 2]) == ["x", "\N{REPLACEMENT CHARACTER}"]  # one that never becomes whole is said at the end
    assert said([]) == []


def test_the_prompt_is_not_said() -> None:
    assert said([0, 0, 0, 1, 5], prompt=3) == ["a", "b"]


class Parrot:
    """Says a question back; has room for two turns."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def answer(self, question: str, earlier: list[tuple[str, str]], say: object) -> str:
        if question == "stop":
            raise KeyboardInterrupt
        self.seen.append((question, len(earlier)))
        if question == "silence":
            return ""
        say(question)  # type: ignore[operator]
        return question

    def has_room(self, question: str, earlier: list[tuple[str, str]]) -> bool:
        return len(earlier) < 2


@pytest.mark.parametrize(
    ("questions", "written", "remarks", "seen"),
    [
        pytest.param(["a", "", "  ", "b"], "a\nb\n", [], [("a", 0), ("b", 1)], id="empty lines are skipped"),
        pytest.param(["a", "stop", "b"], "a\n\n", [], [("a", 0)], id="Ctrl-C ends"),
        pytest.param(
            ["a", "b", "c"],
            "a\nb\nc\n",
            [LEFT_OUT],
            [("a", 0), ("b", 1), ("c", 1)],
            id="the first turns are left out",
        ),
        pytest.param(["silence", "b"], "\nb\n", [NO_ANSWER], [("silence", 0), ("b", 1)], id="an empty answer"),
    ],
)
def test_talk(questions: Iterable[str], written: str, remarks: list[str], seen: list[tuple[str, int]]) -> None:
    model, pieces, said_beside = Parrot(), list[str](), list[str]()
    talk(model, questions, pieces.append, said_beside.append)  # type: ignore[arg-type]
    assert "".join(pieces) == written and said_beside == remarks
    assert model.seen == seen


@pytest.mark.parametrize(
    ("asked", "typed", "out"),
    [
        pytest.param(["silence"], "", "\n", id="one question"),
        pytest.param([], "silence\nb\n", "\nb\n", id="several"),
    ],
)
def test_an_empty_answer_is_remarked_on_beside_the_answers(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], typed: str, out: str
) -> None:
    """What is piped on has an empty line for it."""
    monkeypatch.setattr("shallowsight.chat.opening.open_model", lambda *_: Parrot())
    parent = typer.Typer()
    parent.add_typer(use.app)
    ended = CliRunner().invoke(parent, ["chat", "cell", "picture.png", *asked], input=typed)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, out, NO_ANSWER)
