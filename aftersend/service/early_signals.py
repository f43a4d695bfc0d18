"""SIGTERM before a process can end in order, such as during its imports, which take a second.

The first process of a container has no default action for a signal: the kernel drops SIGTERM until there is a handler,
and Kubernetes waits for its whole grace period. So each console script installs a handler before it imports anything
else. It needs nothing but the interpreter, and leaves at once: nothing has begun that would have to be cleaned up, and
an exception inside an import may be swallowed. What remains is the start of the interpreter, some 30 ms.

    console script ──> exit_on_sigterm ──> imports, settings ──> event loop: ``stop_on_signals`` takes over
"""

import os
import signal


def exit_on_sigterm(code: int = 0) -> None:
    """Leave at SIGTERM with this exit code, until another handler takes over."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(code))
