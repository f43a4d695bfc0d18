"""The modules behind the commands, each imported when it is first used (PEP 562): help and usage errors need none.

commands.py: options and help ──> lazy.orders.list_orders(…) ──> orders.py with all the libraries that it needs
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from aftersend.compat.optional_imports import left_out

if TYPE_CHECKING:
    from aftersend.cli import (
        audit,
        backup,
        check,
        crd,
        dead,
        demo,
        event_loop,
        forget,
        handover,
        keys,
        merchant_report,
        order_details,
        orders,
        report,
        sandbox,
        setup,
        trigger,
        up,
    )

__all__ = [
    "audit",
    "backup",
    "check",
    "crd",
    "dead",
    "demo",
    "event_loop",
    "forget",
    "handover",
    "keys",
    "merchant_report",
    "order_details",
    "orders",
    "report",
    "sandbox",
    "setup",
    "trigger",
    "up",
]


def __getattr__(name: str) -> ModuleType:
    """Import the module of that name."""
    if name not in __all__:
        raise AttributeError(name)
    with left_out():
        return import_module(f"aftersend.cli.{name}")
