"""Report which test hangs, and where its tasks wait.

``pytest-timeout`` ends the session of a test that hangs and shows the stacks of the threads; of an asyncio program they
all end in ``select``. This says what is missing there, in time before that.
"""

import asyncio
import gc
import io
import sys
from threading import Timer

import pytest

AHEAD = 15.0
"""Seconds before the session ends."""


def waiting_tasks() -> str:
    """The stack of every task that has not ended, from whichever thread this is called."""
    stacks = io.StringIO()
    for task in (one for one in gc.get_objects() if isinstance(one, asyncio.Task)):
        if not task.done():
            task.print_stack(file=stacks)
    return stacks.getvalue()


def report(item: pytest.Item) -> None:
    """Say it past pytest's capture: the session ends without a report."""
    capture = item.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\n{item.nodeid} hangs; its tasks:\n{waiting_tasks()}\n")
        sys.stdout.flush()


def report_in_time(item: pytest.Item, limit: float) -> Timer:
    """A running timer that reports, unless it is cancelled; ``limit`` is the time in seconds that ends the session."""
    timer = Timer(max(limit - AHEAD, limit / 2), report, [item])
    timer.daemon = True
    timer.start()
    return timer
