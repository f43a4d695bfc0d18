"""Running the work of a command, and exiting with its code."""

from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from aftersend.cli import lazy
from aftersend.cli.exit_codes import code_of, print_error


def exit_with(
    work: Callable[[], Coroutine[Any, Any, int]],
    *,
    on_failure: Callable[[str], None] = print_error,
    sends_events: bool = False,
    audited: bool = False,
) -> NoReturn:
    """Import and run the work of a command, and exit with its code."""

    def run() -> int:
        return lazy.event_loop.run(work(), sends_events=sends_events, audited=audited)

    raise SystemExit(code_of(run, on_failure=on_failure))
