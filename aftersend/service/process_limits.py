"""What the kernel grants this process: many open files, no core file, no look into its memory.

Containers and shells start programs with a soft limit of 1,024 open files, and each TCP connection is one. The soft
limit is raised to the hard one, and each listener accepts far fewer connections than that (``max_connections``), so
that connections of strangers never take the files that secrets, Redis and the upstreams need.
"""

import ctypes
import resource
import sys
from contextlib import suppress
from typing import Final

_MOST_FILES: Final = 65536
"""Where the hard limit is higher or none: some libraries take time in proportion to the limit."""
_MOST_CONNECTIONS: Final = 1024
_SHARE: Final = 6
"""Two listeners, each with as many connections again that wait to be accepted, leave a third of the files free."""
_PR_SET_DUMPABLE: Final = 4


def prepare_process() -> None:
    """Raise the limit of open files, and keep orders and keys in memory from other processes and from the disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold orders in clear
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # neither ptrace nor /proc/PID/mem for the same user
    _raise_open_files()


def max_connections() -> int:
    """Return how many connections one listener holds at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, soft // _SHARE)


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a further limit that cannot be asked for
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
