"""The number of passes (micro-batches) into which a process divides its part of a global batch."""

_CPU_TOKENS = 2048  # of one pass: they fit a CPU's caches, and sorted by length they have little padding


def first_passes(own: int, mean_tokens: float, on_cpu: bool) -> int:
    """Passes for `own` sequences: one on a GPU; on a CPU the fewest equal passes that are small enough."""
    if not on_cpu:
        return 1
    return next(n for n in range(1, own + 1) if own % n == 0 and (n == own or own // n * mean_tokens <= _CPU_TOKENS))


def more_passes(own: int, passes: int) -> int | None:
    """At least twice as many passes, after a lack of memory; None: a pass has only one sequence already."""
    return next((n for n in range(2 * passes, own + 1) if own % n == 0), None)
