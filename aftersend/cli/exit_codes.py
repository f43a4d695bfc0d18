"""How a command ends: an exit code, at most one clear text on standard error, never a traceback.

0  success                          3    timed out (``trigger --wait``)
1  failed, or something is wrong    130  interrupted (Ctrl-C)
2  wrong usage, settings or files   143  cut off by SIGTERM (``entry``)
"""

import os
import sys
from collections.abc import Callable

from aftersend.errors import AftersendError, Misconfigured
from aftersend.printable import printable

_REDIS_CURE = " – does `aftersend up`, or the Redis of the services, run?"
OK, FAILED, MISUSED, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 130


def print_error(text: str) -> None:
    """Print one error message on standard error."""
    sys.stderr.write(f"aftersend: {printable(text)}\n")


def code_of(work: Callable[[], int], *, on_failure: Callable[[str], None] = print_error) -> int:
    """Call ``work`` and turn any exception into an exit code and one message for ``on_failure``."""
    try:
        return work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has closed the pipe: no failure
        return OK
    except Misconfigured as error:
        on_failure(str(error))
        return MISUSED
    except AftersendError as error:
        on_failure(str(error) + (_REDIS_CURE if error.upstream == "redis" else ""))
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence; the text may quote anything
        on_failure(_unexpected(error))
        return FAILED


def _unexpected(error: Exception) -> str:
    from aftersend.observe.logs import describe, frames  # noqa: PLC0415 - structlog is slow to import, and rarely used here

    where = ", ".join(frames(error)[-3:])
    return f"unexpected {describe(error)} at {where} – please report this"
