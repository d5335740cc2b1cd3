"""The rules of the data gate: one list that both the row checks and the Great Expectations suite use."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shallowsight.data.gate.facts import IMAGE_TOKEN, Table

Kind = Literal["given", "one_of", "none_of", "at_least", "at_most", "lacks"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A condition for one column, on the rows where every `where` column has the given value."""

    reason: str
    words: str
    column: str
    kind: Kind
    value: tuple[str | int | bool, ...] = ()
    where: tuple[tuple[str, str | int | bool], ...] = ()

    def failing(self, table: Table) -> list[int]:
        """The places in the table of the rows that break this rule."""
        column = table[self.column]
        # Each different value is checked once: a column has few different values, or values that are quick to check.
        bad = {value for value in set(column) if not self._allows(value)}
        if not bad:
            return []
        found = [place for place, value in enumerate(column) if value in bad]
        return [place for place in found if all(table[other][place] == wanted for other, wanted in self.where)]

    def _allows(self, found: Any) -> bool:
        match self.kind:
            case "given":
                return found is not None
            case "one_of":
                return found in self.value
            case "none_of":
                return found not in self.value
            case "at_least":
                return bool(found >= self.value[0])
            case "at_most":
                return bool(found <= self.value[0])
            case "lacks":
                return re.search(str(self.value[0]), found) is None


_IMAGE_FAULTS = {
    "missing": "the image file exists",
    "unreadable": "the image decodes completely",
    "wrong_format": "the image content is of a raster format that is read here, whatever the file is called",
    "too_large": "the image is within the caps on bytes and pixels",
    "escapes_folder": "the image path stays inside the images folder",
}
_WITH_IMAGE = (("image_type", "text"), ("readable", True))


def _none(column: str, reason: str, words: str, *where: tuple[str, str | int | bool]) -> Rule:
    return Rule(reason=reason, words=words, column=column, kind="at_most", value=(0,), where=where)


def rules(*, allow_text_only: bool, max_chars: int) -> tuple[Rule, ...]:
    """Every rule, in the order in which reasons are listed."""
    text_only = Rule(
        reason="text_only_row", words="the row has an image", column="image_type", kind="none_of", value=("absent",)
    )
    return (
        Rule(reason="missing_id", words="the id is a text, and not empty", column="id", kind="given"),
        Rule(reason="duplicate", words="the row occurs once", column="occurrence", kind="at_most", value=(1,)),
        *(() if allow_text_only else (text_only,)),
        Rule(
            reason="several_images",
            words="the row has one picture at most",
            column="image_type",
            kind="none_of",
            value=("several",),
        ),
        Rule(
            reason="image_is_a_list",
            words="the image is a path, not a list",
            column="image_type",
            kind="none_of",
            value=("list",),
        ),
        Rule(
            reason="image_is_not_text",
            words="the image is a path; a text-only row has no image key",
            column="image_type",
            kind="none_of",
            value=("null", "other"),
        ),
        *(
            Rule(reason=f"image_{status}", words=words, column="image_status", kind="none_of", value=(status,))
            for status, words in _IMAGE_FAULTS.items()
        ),
        Rule(reason="no_turns", words="there is a conversation", column="n_turns", kind="at_least", value=(1,)),
        _none("malformed_turns", "malformed_turn", "every turn is an object with the texts 'from' and 'value'"),
        _none("unknown_roles", "unknown_role", "every role is 'human' or 'gpt'"),
        Rule(
            reason="first_turn_not_human",
            words="the human speaks first",
            column="roles",
            kind="lacks",
            value=("^gpt",),
        ),
        Rule(
            reason="roles_not_alternating",
            words="human and gpt take turns",
            column="roles",
            kind="lacks",
            value=("human,human|gpt,gpt",),
        ),
        Rule(
            reason="odd_number_of_turns",
            words="every question has its reply",
            column="odd_turns",
            kind="one_of",
            value=(False,),
        ),
        Rule(
            reason="image_token_count",
            words=f"a row with an image has {IMAGE_TOKEN} exactly once",
            column="n_image_tokens",
            kind="one_of",
            value=(1,),
            where=_WITH_IMAGE,
        ),
        Rule(
            reason="image_token_not_in_first_turn",
            words=f"{IMAGE_TOKEN} is in the first turn",
            column="image_token_in_first_turn",
            kind="one_of",
            value=(True,),
            where=(*_WITH_IMAGE, ("n_image_tokens", 1)),
        ),
        _none(
            "n_image_tokens",
            "image_token_in_text_row",
            f"a row without an image has no {IMAGE_TOKEN}",
            ("image_type", "absent"),
        ),
        _none("n_reply_image_tokens", "image_token_in_reply", f"no reply contains {IMAGE_TOKEN}"),
        _none("empty_replies", "empty_reply", "no reply is empty"),
        _none("empty_questions", "empty_human_text", "no human turn is empty"),
        Rule(
            reason="text_too_long",
            words=f"the conversation has at most {max_chars} characters",
            column="chars",
            kind="at_most",
            value=(max_chars,),
        ),
        Rule(
            reason="broken_text",
            words="the texts are valid Unicode (no lone surrogates)",
            column="broken_text",
            kind="one_of",
            value=(False,),
        ),
    )


def broken_rules(table: Table, wanted: Sequence[Rule]) -> dict[str, list[int]]:
    """For each reason, the places of the rows that are refused for this reason."""
    return {rule.reason: rule.failing(table) for rule in wanted}


REASONS = tuple(rule.reason for rule in rules(allow_text_only=True, max_chars=0))
