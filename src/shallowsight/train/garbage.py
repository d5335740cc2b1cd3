"""How often this process looks for garbage that only Python's collector finds: objects in circles."""

import atexit
import gc

_NEW_OBJECTS = 10_000  # after which the collector looks at the new ones; Python's own number is 700


def collect_less_often() -> None:
    """Spare this process a third of the time in which it starts and ends.

    torch and transformers make several hundred thousand objects that live as long as the process. With Python's own
    number the collector looks through them again and again while they are imported, and once more at the end.
    """
    gc.set_threshold(_NEW_OBJECTS)
    atexit.register(gc.freeze)  # what is left at the end goes with the process
