"""Several questions about one picture, each asked after the turns before it."""

from collections.abc import Iterable

from shallowsight.chat.model import ChatModel, Say

LEFT_OUT = "(the first turns are left out: with them the text is longer than those of the training)\n"


def talk(model: ChatModel, questions: Iterable[str], say: Say) -> None:
    """Answer each question; ends when there are no more, and on Ctrl-C."""
    earlier: list[tuple[str, str]] = []
    try:
        for question in questions:
            if not question.strip():
                continue
            had = len(earlier)
            while earlier and not model.has_room(question, earlier):
                del earlier[0]
            if len(earlier) < had:
                say(LEFT_OUT)
            earlier.append((question, model.answer(question, earlier, say)))
            say("\n")
    except KeyboardInterrupt:
        say("\n")
