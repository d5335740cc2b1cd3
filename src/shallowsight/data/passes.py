"""In how many passes a process computes its part of a global batch."""

_CPU_TOKENS = 2048  # of one pass: what fits a CPU's caches, and sorted by length holds little padding


def first_passes(own: int, mean_tokens: float, on_cpu: bool) -> int:
    """For `own` sequences: one on a GPU; on a CPU the fewest that are small enough and divide them."""
    if not on_cpu:
        return 1
    return next(n for n in range(1, own + 1) if own % n == 0 and (n == own or own // n * mean_tokens <= _CPU_TOKENS))


def more_passes(own: int, passes: int) -> int | None:
    """At least twice as many, for want of memory; None: it is one sequence at a time already."""
    return next((n for n in range(2 * passes, own + 1) if own % n == 0), None)
