"""Questions, answers and captions about a scene, as LLaVA records."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from shallowsight.data.built_in.facts import Facts

# Task -> its question, always the same. A question must be clear without the others, because the test asks each one
# alone. Questions are short, because their tokens take computation and carry no loss.
QUESTIONS: Final[Mapping[str, str]] = {
    "category": "What is drawn?",
    "count": "How many are drawn?",
    "position": "Where is the sign?",
    "colour": "What colour is the sign?",
    "ocr": "Which digit is shown?",
}
REQUESTS: Final = (
    "Describe the picture.",
    "What does the picture show?",
    "Give a short description of the picture.",
    "Say what is in the picture.",
)
# Lower case and no full stop, like the web captions that LLaVA is pretrained on.
CAPTIONS: Final = (
    "{things} and {sign} with the digit {digit} at the {position}",
    "{sign} with the digit {digit} at the {position}, and {things}",
    "at the {position} {sign} with the digit {digit}, elsewhere {things}",
    "a picture of {things} with {sign} at the {position} that reads {digit}",
    "the digit {digit} on {sign} at the {position}, together with {things}",
)
NUMBERS: Final = ("no", "one", "two", "three", "four", "five")
NOUNS: Final[Mapping[str, tuple[str, str]]] = {  # singular, plural
    "animal": ("animal", "animals"),
    "food": ("piece of food", "pieces of food"),
    "vehicle": ("vehicle", "vehicles"),
    "tool": ("tool", "tools"),
}


def answers(facts: Facts) -> dict[str, str]:
    """Task -> the one right answer, for the tasks of QUESTIONS."""
    return {
        "category": facts.category,
        "count": str(facts.count),
        "position": facts.position,
        "colour": facts.colour,
        "ocr": str(facts.digit),
    }


def question_record(name: str, image: str, facts: Facts, random: Random) -> dict[str, Any]:
    """All five questions about one picture, in an order drawn from `random`."""
    tasks = random.sample(list(QUESTIONS), len(QUESTIONS))
    right = answers(facts)
    return llava_record(name, image, [(task, QUESTIONS[task], right[task]) for task in tasks])


def caption_record(name: str, image: str, facts: Facts, random: Random) -> dict[str, Any]:
    """One request for a description, and a caption that states all five facts."""
    number = random.choice((NUMBERS[facts.count], str(facts.count)))
    article = "an" if facts.colour[0] in "aeiou" else "a"
    caption = random.choice(CAPTIONS).format(
        things=f"{number} {NOUNS[facts.category][facts.count > 1]}",
        sign=f"{article} {facts.colour} sign",
        position=facts.position,
        digit=facts.digit,
    )
    return llava_record(name, image, [("caption", random.choice(REQUESTS), caption)])


def llava_record(name: str, image: str, turns: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """A LLaVA record from (task, question, answer) triples; `tasks` has one entry for each question-answer pair.

    `image` is relative to the image folder. The picture stands before the first question.
    """
    conversations = []
    for number, (_, question, answer) in enumerate(turns):
        conversations.append({"from": "human", "value": question if number else f"<image>\n{question}"})
        conversations.append({"from": "gpt", "value": answer})
    return {"id": name, "image": image, "conversations": conversations, "tasks": [task for task, _, _ in turns]}
