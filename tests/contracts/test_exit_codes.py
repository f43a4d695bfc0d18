"""Exit codes of ``aftersend`` and of the services, by situation; no Redis, no upstream, no cluster is there."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.product import PROJECT
from tests.support.part_kit import PATIENCE, call_main, environment
from tests.support.snapshots import Compare

BIN = Path(sys.executable).parent
TENANT_COMMANDS = (
    *("orders", "orders 4711", "dead list", "dead show x", "dead drop x", "dead redrive --all"),
    *("trigger export", "trigger sweep --wait", "backup create", "backup list", "backup verify", "backup restore"),
    *("keys new", "keys export", "keys reseal"),
)
SITUATIONS: dict[str, tuple[tuple[str, ...], dict[str, str] | None]] = {
    "help and version": (("--help", "-h", "--version", "trigger --help", "sandbox --help", "crd", "crd --json"), None),
    "wrong usage": (
        (
            *("", "nonsense", "--nonsense", "orders --nonsense", "crd x", "demo --orders 1", "up", "check x"),
            *("setup x", "setup --dry-run --yes"),
            *("trigger", "trigger import", "trigger sweep --dry-run", "trigger sweep --order 1"),
            *("trigger export --order x", "trigger export --timeout -1"),
            *("dead", "dead show", "dead drop", "dead redrive", "dead redrive x --all"),
            *("backup", "backup nonsense", "keys", "keys nonsense"),
            *("sandbox --nonsense", "sandbox --listen nonsense", "sandbox --listen 192.0.2.1:1"),
        ),
        None,
    ),
    "no settings": ((*TENANT_COMMANDS, "up -f missing.yaml", "check -f missing.yaml", "setup -f missing.yaml"), {}),
    "no such tenant document": (TENANT_COMMANDS, {"AFTERSEND_TENANT_FILE": "missing.yaml"}),
    "wrong address of Redis": (TENANT_COMMANDS, {"AFTERSEND_REDIS_URL": "http://127.0.0.1"}),
    "Redis is away": (
        (
            *("orders", "dead list", "dead show x", "trigger export", "trigger sweep --wait --timeout 1"),
            *("keys reseal", "backup list"),
        ),
        {"AFTERSEND_BACKUP_TARGET": "backups"},
    ),
    "nothing to work with": (
        ("check", "check --json", "setup", "setup --json", "keys export", "backup create", "backup verify"),
        {},
    ),
}
SCRIPTS = sorted(name for name in PROJECT["project"]["scripts"] if name.startswith("aftersend-"))
SERVICES = [name for name in SCRIPTS if name != "aftersend-operator"]


def environ_of(folder: Path, situation: str) -> dict[str, str]:
    """The settings of a tenant, changed; none at all where the situation says so."""
    changes = SITUATIONS[situation][1]
    bare = changes is None or situation == "no settings"
    nowhere = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "PATH": os.environ["PATH"]}
    return nowhere if bare else {**nowhere, **environment(folder, **changes)}


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Compare) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[str] = []
    for situation, (calls, _) in SITUATIONS.items():
        rows.append(f"{situation}\n")
        for words in calls:
            code, _, err = call_main(words.split(), environ_of(tmp_path, situation))
            assert "Traceback" not in err, words
            rows.append(f"  {code}  aftersend {words}".rstrip() + "\n")
    contract("exit_codes.txt", "".join(rows))


def start(script: str, environ: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([BIN / script, *words], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def codes_of(running: list[subprocess.Popen[bytes]]) -> list[int]:
    """Exit codes of processes that are about to end."""
    for process in running:
        _, err = process.communicate(timeout=PATIENCE)
        assert b"Traceback" not in err
    return [process.returncode for process in running]


def test_services_without_settings_end_with_2() -> None:
    assert codes_of([start(script, {"PATH": os.environ["PATH"]}) for script in SCRIPTS]) == [2] * len(SCRIPTS)


def test_services_end_with_0_after_sigterm(tmp_path: Path) -> None:
    running = [start(script, environment(tmp_path)) for script in SERVICES]
    for process in running:
        assert process.stderr
        assert any(b'"started"' in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
    assert codes_of(running) == [0] * len(SERVICES)


def test_an_interrupted_command_ends_with_130(tmp_path: Path) -> None:
    """It waits for a Redis that accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        process = start("aftersend", environment(tmp_path, AFTERSEND_REDIS_URL=address), "orders")
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            assert codes_of([process]) == [130]
