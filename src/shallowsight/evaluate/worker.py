"""A process that answers for another one: `python -m shallowsight.evaluate.worker FILE_DESCRIPTOR`.

It gets messages through a connection: first (files, device, threads), to which it replies READY, then numbered batches,
each answered with its number and texts. A failure is the last reply. It ends when the other process is gone.
"""

import os
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from shallowsight.errors import ShallowsightError, first_line

READY, ANSWERS, FAILED = "ready", "answers", "failed"  # the first part of each reply


def _receive(connection: "Connection[Any, Any]", received: "SimpleQueue[Any]") -> None:
    """Take messages as they come, so that the other process need not wait while this one computes."""
    while True:
        try:
            received.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # whatever the other threads do: nobody waits for it any more
        except Exception as error:  # what cannot be unpickled
            received.put(error)


def _next(received: "SimpleQueue[Any]") -> Any:
    message = received.get()
    if isinstance(message, Exception):
        raise message
    return message


def _answer(connection: "Connection[Any, Any]", received: "SimpleQueue[Any]") -> None:
    files, device, threads = _next(received)
    # Imported here, because it takes seconds, in which this process must notice already that the other one is gone.
    import torch

    from shallowsight.evaluate.answerer import Answerer, TrainedFiles

    torch.set_num_threads(threads)
    if torch.device(device).type == "cuda":
        torch.cuda.set_device(device)  # where the tower goes too
    answerer = Answerer(TrainedFiles(*files), device)
    connection.send((READY,))
    while True:
        number, batch = _next(received)
        connection.send((ANSWERS, number, answerer.answer(batch)))


def main() -> None:
    """Answer until the connection ends or something fails."""
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    received: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_receive, args=(connection, received), daemon=True).start()
    try:
        _answer(connection, received)
    except Exception as error:
        known = isinstance(error, ShallowsightError)
        if not known:
            traceback.print_exc()  # before the reply, which ends this process
        connection.send((FAILED, type(error).__name__, str(error) if known else first_line(error)))


if __name__ == "__main__":
    main()
