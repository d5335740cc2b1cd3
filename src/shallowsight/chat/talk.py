"""Questions about one picture: one, or several, each asked after the turns before it."""

from collections.abc import Iterable

from shallowsight.chat.model import ChatModel, Say, Turns

LEFT_OUT = "(the first turns are left out: with them the text is longer than those of the training)\n"


NO_ANSWER = "(no answer: the model ended at once)\n"


def ask(model: ChatModel, question: str, earlier: Turns, say: Say, remark: Say) -> str:
    """Say the answer and the end of its line; `remark` is given what is no part of an answer."""
    answer = model.answer(question, earlier, say)
    if not answer:
        remark(NO_ANSWER)
    say("\n")
    return answer


def talk(model: ChatModel, questions: Iterable[str], say: Say, remark: Say) -> None:
    """Answer each question; ends when there are no more, and on Ctrl-C. `remark` is as in `ask`."""
    earlier: list[tuple[str, str]] = []
    try:
        for question in questions:
            if not question.strip():
                continue
            had = len(earlier)
            while earlier and not model.has_room(question, earlier):
                del earlier[0]
            if len(earlier) < had:
                remark(LEFT_OUT)
            earlier.append((question, ask(model, question, earlier, say, remark)))
    except KeyboardInterrupt:
        say("\n")
