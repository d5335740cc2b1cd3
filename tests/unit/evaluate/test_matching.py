"""Which forms of an answer are right: true answer -> forms that say it, and forms that do not."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shallowsight.evaluate.matching import number, option, yes_no
from shallowsight.evaluate.matching.answers import is_correct

RIGHT = {
    "B": [
        "B", "b", "(B)", "[B]", "B.", "B)", "B:", "**B**", "*B*", '"B"', "(b).", "B. a cat", "B) a cat", "(B) a cat",
        "B: a cat", "B. A cat", "b. a cat", "[B] 3 cats", "Option B", "option (B)", "Answer: B", "The answer is B",
        "the answer is (B).", "The correct answer is: B", "The correct option is B", "Answer: **B**", "B. 3 p.m.",
        "B. It's an x-ray", "B. not visible", "B. a 3-storey house", "B.\nThe cat sleeps",
    ],
    "(B)": ["B", "(B) two"],
    "A": ["A", "a", "A.", "(A) cat", "A. a cat", "A. A cat", "A) cat", "The answer is A"],
    "yes": [
        "yes", "Yes", "YES.", "yes!", "Yes, it is", "Yes, it is.", "yes it is", "Yes there is", "Yes. The cat sleeps.",
        "Yes - it is red", "The answer is yes", "Answer: Yes.", "It is yes", '"Yes"', "**Yes**", "Yes; two of them",
    ],
    "No": [
        "no", "No.", "No, it is not", "No, it isn't", "no it isn\u2019t", "No, there is none", "No, there is no cat",
        "No, it is red", "The answer is no", "no!", "No, nothing",
    ],
    "3": [
        "3", "3.", "three", "Three", "THREE.", "3.0", "3 cats", "three cats", "Three black cats.", "3 of them",
        "There are 3", "There are three cats.", "It is 3", "It's three", "The answer is 3.", "Answer: three", '"3"',
        "**3**", "3!", "three people's",
    ],
    "three": ["3", "three", "There are 3 cats"],
    "1": ["one", "1", "One cat", "There is one cat", "There is 1."],
    "1000": ["1,000", "1000", "1,000.0", "1,000 people"],
    "1,000": ["1000"],
    "1,234,567": ["1234567"],
    "-3": ["-3", "\u22123", "minus 3", "minus three", "Negative three", "-3.0"],
    "0": ["zero", "Zero cats", "0.0"],
    "21": ["twenty-one", "twenty one", "Twenty one cats"],
    "90": ["ninety"],
    "0.125": ["0.1250"],
    "007": ["007", "007."],
    "1.000": ["1.000"],
    "red": ["red", "Red.", "red!", " RED ", '"red"', '"Red."', "\u201cred\u201d", "'red'", "`red`", "**red**",
            "It is red.", "it's red", "It\u2019s red", "The answer is red", "Answer: red", "red,", "red.."],
    "RED.": ["red", "\u00abred\u00bb"],
    "the cat's": ["The cat's", '"the cat\'s"'],
    "\u00e9t\u00e9": ["e\u0301te\u0301", "\u00c9t\u00e9."],
    "\ud55c": ["\u1112\u1161\u11ab"],
    "1.0": ["1.0", "1"],
    "C++": ["c++", "C++."],
    ".": ["."],
    "it is red": ["It is red."],
    "Stop!": ["stop", "STOP!"],
}  # fmt: skip
WRONG = {
    "B": [
        "", "C", "BC", "B or C", "B. or C.", "B and C", "B, C", "B/C", "B. a cat, C. a dog", "B. a cat (not C)",
        "not B", "B cat", "a B", "Both A and B", "Option B or C", "(B) or (C)", "B. A", "B. A.", "(B) (C)", "B.C.",
        "B-52", "B1", "The answer is not B", "C. plan B", "(B) is wrong", "B: isn't it", "B. maybe", "8", "\u03b2",
        "\uff22", "B?", "Bee", "A: cat B: dog", "B.1", "B. A or C",
    ],
    "A": ["a cat", "A cat", "It is a", "It's a", "a cat.", "A. or B.", "an A", "\u00c4", "A and B", "a.m.", "A B", "@"],
    "yes": [
        "", "no", "No, it is not", "yes and no", "Yes or no", "yes, no", "Yes, it is not", "yes it isn't",
        "Yes, but no", "not yes", "yes/no", "Yes?", "Yes, maybe", "Yes, if it rains", "yesterday", "Eyes", "y",
        "yes\u00f1", "true", "Yes, there is no cat", "Yes, I am not sure", "I think yes", "yes yes", "No. Yes.",
        "Yes it is, or is it",
    ],
    "no": [
        "", "yes", "no idea", "No one", "No. 5", "no 5", "No, I don't know", "No, I cannot tell", "No, but yes",
        "yes and no", "No or yes", "not", "none", "nothing", "now", "No, yes", "no cat", "No?", "there is no",
        "No, maybe", "I don't know", "n\u00f3",
    ],
    "3": [
        "", "13", "30", "33", "-3", "3.5", "3,5", "2 or 3", "3 or 4", "3 or more", "3-4", "3 to 5", "3/4", "3%", "3D",
        "3rd", "third", "thirteen", "three hundred", "3 million", "3 dozen", "3 bn", "3 pairs", "three quarters",
        "three and a half", "3 and 4", "3 is wrong", "3 not 4", "not 3", "at least 3", "more than 3", "3 at most",
        "3 plus one", "3, 4", "one two three", "3 cats, 2 dogs", "3 cats and dogs", "three of five", "minus 3",
        "3 point five", "3?", "(3)", "$3", "#3", "3x", "3 x 4", "\u2462", "\uff13", "3\u2070", "tree", "the 3", "03",
        "+3", "3 degrees below zero", "three maybe", "There are 3 or 4", "3 cats or more", "five minus two",
        "3 big black cats asleep",
    ],
    "1": ["one another", "one can see", "one of them", "no one", "a cat", "the one", "one hundred", "1st", "1.000"],
    "20": ["twenty first", "twenty second", "twenty three", "twenty-three", "2", "twentieth", "200"],
    "1000": ["1.000", "1", "1 000", "10,00", "1,0000", "one thousand", "100", "1'000"],
    "-3": ["3", "three", "- 3", "--3", "\u20133"],
    "0": ["none", "no", "", "O", "00"],
    "007": ["7", "seven", "07"],
    "1.000": ["1", "1000", "1,000", "1.0"],
    "25": ["2\u2075", "2 5", "twenty and five"],
    "2\u2075": ["25"],
    "red": [
        "", "dark red", "re d", "red green", "red or blue", "red?", "not red", "It is not red", "It is dark red",
        "a red", "the red", "reds", "(red)", "red\"", "This is red", "it is it is red", "r\u00e9d", "-red",
        "red, blue",
    ],
    "cat": ["a cat", "the cat", "cats", "It is a cat", "a dog"],
    ".5": ["5", "0.5"],
    "5'": ["5"],
    "\u00e9": ["e", "e\u0302"],
    ".": ["", " ", "...", "!", "'.'"],
    "...": [".", ".."],
    "C++": ["C", "c#"],
    "$5": ["5"],
    "50%": ["50", "50 percent"],
    "B. a cat": ["B", "a cat"],
    "3 cats": ["3", "three cats"],
    "red or blue": ["red", "blue"],
    "#1": ["1"],
    "__init__": ["init"],
    "it is red": ["red"],
    "": ["", " ", "."],
}  # fmt: skip


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(target, said) for target, forms in table.items() for said in forms]


@pytest.mark.parametrize(("target", "said"), rows(RIGHT))
def test_right(target: str, said: str) -> None:
    assert is_correct(said, target)


@pytest.mark.parametrize(("target", "said"), rows(WRONG))
def test_wrong(target: str, said: str) -> None:
    assert not is_correct(said, target)


def test_the_table_is_large_and_no_row_is_twice() -> None:
    right, wrong = rows(RIGHT), rows(WRONG)
    assert len({*right, *wrong}) == len(right) + len(wrong) >= 100
    assert len(wrong) >= 0.4 * (len(right) + len(wrong))


# Without the capital letters whose small form is several characters or has another capital.
_LETTERS = st.characters(exclude_categories=["Cs"]).filter(lambda c: c.upper().lower() == c.lower())
_SPOKEN = st.lists(
    st.one_of(
        st.sampled_from(
            "yes no Yes, No. it is not a A B (B) [C] D. b) or and the answer option three 3 1,000 1.000 -3 minus "
            "twenty one cats there are ** \" ' . ! , ? hundred".split(" ")
        ),
        st.text(_LETTERS, max_size=4),
    ),
    max_size=6,
).map(" ".join)
_REPEATABLE = settings(deadline=None, derandomize=True, database=None, max_examples=500)
_LETTER_TARGETS = "ABCDEFGH"
_NUMBER_TARGETS = [
    "0",
    "1",
    "3",
    "-3",
    "13",
    "30",
    "three hundred",
    "1000",
    "1.000",
    "1.5",
    "20",
    "21",
    "one",
    "007",
    "7",
]


@_REPEATABLE
@given(text=_SPOKEN)
def test_every_text_says_itself(text: str) -> None:
    assert is_correct(text, text) is bool(text.strip())


@_REPEATABLE
@given(said=_SPOKEN, target=st.one_of(_SPOKEN, st.sampled_from([*_LETTER_TARGETS, *_NUMBER_TARGETS, "yes", "no"])))
def test_case_never_counts(said: str, target: str) -> None:
    found = is_correct(said, target)
    for one, other in ((said.upper(), target), (said.lower(), target), (said, target.upper()), (said, target.lower())):
        assert is_correct(one, other) is found


@_REPEATABLE
@given(said=_SPOKEN)
def test_no_answer_says_two_things(said: str) -> None:
    assert sum(is_correct(said, letter) for letter in _LETTER_TARGETS) <= 1
    assert not (is_correct(said, "yes") and is_correct(said, "no"))
    values = {number.of(target) or target for target in _NUMBER_TARGETS if is_correct(said, target)}
    assert len(values) <= 1


def test_targets_of_different_value_are_never_one_another() -> None:
    different = [*_LETTER_TARGETS, "yes", "no", *[t for t in _NUMBER_TARGETS if t != "one"]]
    assert not [pair for pair in permutations(different, 2) if is_correct(*pair)]


def test_the_form_of_the_true_answer_chooses_the_rule() -> None:
    assert (option.of("b"), option.of("bc"), yes_no.of("yes"), yes_no.of("yes, it is")) == ("b", None, "yes", None)
    assert number.of("three cats") is None
