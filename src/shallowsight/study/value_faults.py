"""Messages for wrong values, in place of pydantic's own."""

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_WHOLE, _NUMBER = "write a whole number", "write a number"
_TRUTH, _LIST, _KEYS = "write true or false", "write a list", "write keys with their values"
_SAYS = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such key",
    "literal_error": "write {expected}",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "write a finite number",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "string_type": "write a text, in quotes",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write at least {ge}",
    "less_than": "write less than {lt}",
    "less_than_equal": "write at most {le}",
    "value_error": "{error}",  # raised by this package's validators, with their own message
}


def explain(error: ValidationError) -> str:
    """One line for each fault of a value: its key as a user writes it, the value, and what is allowed."""
    return "; ".join(map(_line, error.errors()))


def _line(fault: ErrorDetails) -> str:
    # Keys of a study's experiment are written without the word `base`; a fault of several keys together names them.
    loc = fault["loc"][1:] if fault["loc"][:1] == ("base",) else fault["loc"]
    where = ".".join(map(str, loc))
    found = "" if isinstance(fault["input"], dict | BaseModel) else f" (found {fault['input']!r})"
    return f"{where}: {says(fault)}{found}" if where else f"{says(fault)}{found}"


def says(fault: ErrorDetails) -> str:
    """What is allowed in place of a wrong value; for an unknown kind of fault only that the value does not fit."""
    return _SAYS.get(fault["type"], "this does not fit").format(**fault.get("ctx", {}))
