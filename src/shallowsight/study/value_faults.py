"""Messages for wrong values, in place of pydantic's own."""

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


def says(fault: ErrorDetails) -> str:
    """What is allowed in place of a wrong value; for an unknown kind of fault only that the value does not fit."""
    return _SAYS.get(fault["type"], "this does not fit").format(**fault.get("ctx", {}))
