"""How a command ends: an exit code, at most one clear text on standard error, never a traceback.

0  all is well                      3  waited long enough (``trigger --wait``)
1  it failed, or something is wrong  130  interrupted
2  wrong usage, settings or files
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from aftersend.errors import AftersendError, Misconfigured

_REDIS_CURE = " – does `aftersend up`, or the Redis of the services, run?"
OK, FAILED, MISUSED, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 130


def print_error(text: str) -> None:
    """Say what is wrong."""
    sys.stderr.write(f"aftersend: {text}\n")


def run(
    work: Coroutine[Any, Any, int], *, failed: Callable[[str], None] = print_error, sends_events: bool = False
) -> None:
    """Run the work of a command and leave with its exit code; ``failed`` is told what went wrong.

    What ``sends_events`` begins a trace for them, if traces are wanted.
    """
    from aftersend.observe import logs

    logs.configure("console", "error")
    raise SystemExit(code_of(lambda: _traced(work) if sends_events else asyncio.run(work), failed=failed))


def _traced(work: Coroutine[Any, Any, int]) -> int:
    from aftersend.observe import traces

    try:
        traces.start_tracing("aftersend-cli")
        return asyncio.run(work)
    finally:
        work.close()
        traces.stop_tracing()


def code_of(work: Callable[[], int], *, failed: Callable[[str], None] = print_error) -> int:
    """Call ``work`` and turn whatever it raises into an exit code and one line, which ``failed`` gets."""
    try:
        return work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: not our failure
        return OK
    except Misconfigured as error:
        failed(str(error))
        return MISUSED
    except AftersendError as error:
        failed(str(error) + (_REDIS_CURE if error.upstream == "redis" else ""))
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last line of defence; the text may quote anything
        failed(_unexpected(error))
        return FAILED


def _unexpected(error: Exception) -> str:
    from aftersend.observe.logs import describe, frames

    where = ", ".join(frames(error)[-3:])
    return f"unexpected {describe(error)} at {where} – please report this"
