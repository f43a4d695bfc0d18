"""The console script ``aftersend``: it handles SIGTERM before it imports the commands.

A command that serves until SIGTERM ends with 0. Any other command was cut off and says so, as a shell would.
"""

import sys

from aftersend.service.cycles import collect_rarely
from aftersend.service.early_signals import exit_on_sigterm

_SERVING = (["sandbox"], ["up"])
_CUT_OFF = 143


def main() -> None:
    """Import and run the command."""
    exit_on_sigterm(0 if sys.argv[1:2] in _SERVING else _CUT_OFF)
    collect_rarely()
    from aftersend.cli.main import main as run  # noqa: PLC0415 - takes a second

    run()
