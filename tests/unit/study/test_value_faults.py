"""A user reads our words, whatever the value is."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from shallowsight.cluster.schedules.values import Defaults, Schedule, Schedules
from shallowsight.study.value_faults import says

VALUES: list[Any] = [None, True, 3, -1, 0.5, float("nan"), 10**30, "x", "", [], ["x"], {}, {"x": 1}, object()]
OF_THE_LIBRARY = ("Input", "valid", "Field", "Value error", "parse", "permitted", "instance")


@pytest.mark.parametrize("part", [Defaults, Schedule, Schedules])
def test_no_words_of_the_library(part: type[BaseModel]) -> None:
    kinds = set()
    for name, field in part.model_fields.items():
        for value in VALUES:
            with pytest.raises(ValidationError) as refused:
                part.model_validate({field.alias or name: value, "unknown": 1})
            for fault in refused.value.errors():
                kinds.add(fault["type"])
                assert says(fault) and not [words for words in OF_THE_LIBRARY if words in says(fault)], fault
                assert says(fault) != "this does not fit", f"{fault['type']} has no words yet"
    assert "extra_forbidden" in kinds and len(kinds) >= 5


class _One(BaseModel):
    count: Annotated[int, Field(gt=0, lt=9)] = 1
    word: Literal["a", "b"] = "a"
    odd: Annotated[str, Field(pattern="^a$")] = "a"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"count": 0}, "write more than 0"),
        ({"count": 9}, "write less than 9"),
        ({"count": "x"}, "write a whole number"),
        ({"word": "c"}, "write 'a' or 'b'"),
        ({"odd": "b"}, "this does not fit"),
    ],
)
def test_words(value: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _One.model_validate(value)
    assert [says(fault) for fault in refused.value.errors()] == [words]
