"""Pack several sequences into one row of a batch, so that there is hardly any padding."""

from collections.abc import Sequence


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """The numbers of the sequences in each row: best fit, longest first. A row holds at most `capacity` tokens.

    Raises:
        ValueError: a sequence is longer than `capacity`.
    """
    rows: list[list[int]] = []
    free: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        length = lengths[number]
        if length > capacity:
            raise ValueError(f"a sequence of {length} tokens does not fit a row of {capacity}")
        fitting = [row for row in range(len(rows)) if free[row] >= length]
        if fitting:
            row = min(fitting, key=free.__getitem__)
            rows[row].append(number)
            free[row] -= length
        else:
            rows.append([number])
            free.append(capacity - length)
    return rows
