"""What the contracts import from product code by module and name: the only place to follow a move or a rename."""

import ast
import functools
import tomllib
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from typer.main import get_command

from aftersend.backup.records import Record
from aftersend.cli.main import app
from aftersend.ledger.entry import Entry, ParcelDetails
from aftersend.observe.metrics import Metrics
from aftersend.observe.otel_settings import setting_errors
from aftersend.runs import OrderCheck, RunRequest, RunSummary
from aftersend.sendcloud.model import ParcelEvent
from aftersend.settings import read_settings
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.settings import read_operator_settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
READ_SETTINGS = {"services": read_settings, "operator": read_operator_settings, "traces": setting_errors}
"""How each kind of process parses its environment; ``traces`` stands for the ``OTEL_*`` variables of all of them."""

DOCUMENTS: dict[str, Any] = {
    "ledger entry (JSON)": Entry,
    "sealed part of a ledger entry (MessagePack)": dict[str, ParcelDetails],
    "data of parcel.changed (JSON)": ParcelEvent,
    "data of order.check (JSON)": OrderCheck,
    "data of export.requested and sweep.requested (JSON)": RunRequest,
    "result of a run (JSON)": RunSummary,
    "record of a backup (MessagePack)": Record,
}
"""What is stored: an older version wrote it, and a newer one must read it."""


def command_line() -> Any:
    """The root command of ``aftersend``; typer brings a click of its own, which has no public name."""
    return get_command(app)


def registries() -> dict[str, CollectorRegistry]:
    """All metrics, by kind of process."""
    return {"services": Metrics().registry, "operator": OperatorMetrics().registry}


@functools.cache
def sources() -> tuple[ast.Module, ...]:
    """Every module of the wheel."""
    folders = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return tuple(ast.parse(file.read_text()) for folder in folders for file in (ROOT / folder).rglob("*.py"))
