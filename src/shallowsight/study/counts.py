"""Numbers of things in messages: `1 cell is whole`, `2 cells are whole`."""


def counted(number: int | str, noun: str) -> str:
    """`1 cell`, `2 cells`, for a noun with a plural in s; `number` may be written already, such as `2.5`."""
    return f"{number} {noun}" if str(number) == "1" else f"{number} {noun}s"


def is_or_are(number: int) -> str:
    """The verb for so many."""
    return "is" if number == 1 else "are"
