"""The checks of the project: which sessions there are, in which waves they run, and what they need installed."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import nox.registry
import pytest

import noxfile
from tools import process_tree, run_sessions, system_packages

BUSY_ONCE = """#!/bin/sh
echo "$@" >> {log}
case "$@" in *update*) [ -e {log}.seen ] && exit 0; touch {log}.seen
echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7" >&2; exit 100;; esac
"""


def test_waves_name_every_session_of_nox_once() -> None:
    assert sorted(nox.registry.get()) == sorted(name for wave in run_sessions.ALL for name in wave)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], list(noxfile.USUAL)),
        (["unit", "style"], [("style",), ("unit",)]),
        (["servers"], [("redis7", "redis7json", "redis8")]),
        (["cluster"], list(noxfile.CLUSTER)),
    ],
)
def test_wanted_sessions_keep_their_waves(wanted: list[str], expected: list[run_sessions.Wave]) -> None:
    assert run_sessions.waves(wanted) == expected


def test_an_unknown_session_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sessions.main(["unit", "units"]) == 2
    assert "no such session: units; there are style, types" in capsys.readouterr().out


@pytest.mark.parametrize(("results", "code"), [(["success"], 0), (["success", "failed"], 1), ([], 1)])
def test_the_table_and_the_exit_code_follow_the_report(
    results: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["style", "types"][: max(1, len(results))]
    entries = [{"name": n, "result": r, "duration": 2.5} for n, r in zip(names, results, strict=False)]
    fake = f"import sys; open(sys.argv[1], 'w').write({json.dumps({'sessions': entries})!r})"
    popen = subprocess.Popen

    def started(command: list[str], **_: object) -> "subprocess.Popen[bytes]":
        (report,) = (each.partition("=")[2] for each in command if each.startswith("--report="))
        return popen([sys.executable, "-c", fake if results else "exit(1)", report])

    monkeypatch.setattr(run_sessions.subprocess, "Popen", started)
    monkeypatch.setattr(run_sessions, "install_system_packages", lambda _: None)
    assert run_sessions.main(names) == code
    passed = results.count("success")
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, {len(names) - passed} failed"


def test_packages_wait_for_another_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, apt = tmp_path / "log", tmp_path / "apt-get"
    apt.write_text(BUSY_ONCE.format(log=log))
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: 0)
    system_packages.install_system_packages({"sh": "dash", "/no/such/header.h": "libfoo-dev", "no-such-tool": "foo"})
    waiting = "-o DPkg::Lock::Timeout=300"
    assert log.read_text().splitlines() == [
        f"{waiting} update -qq",
        f"{waiting} update -qq",
        f"{waiting} install -y -qq --no-install-recommends foo libfoo-dev",
    ]


FAKE_NOX = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[2:]:
    subprocess.Popen([sys.executable, *sys.argv[:2], *sys.argv[3:]], start_new_session=True)
with open(sys.argv[1], "a") as pids:
    pids.write(f"{os.getpid()}\\n")
time.sleep(600)
"""
RUNNER = """
import subprocess, sys
from tools import process_tree, run_sessions
process_tree.GRACE_SECONDS = 0.2
run_sessions.install_system_packages = lambda _: None
real = subprocess.Popen
subprocess.Popen = lambda command, **how: real([sys.executable, *sys.argv[1:], "session", "test"], **how)
sys.exit(run_sessions.run(["style"]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_sessions_and_what_they_started(number: signal.Signals, tmp_path: Path) -> None:
    """Also what runs in a process session of its own, and what ignores SIGTERM."""
    fake, pids = tmp_path / "nox.py", tmp_path / "pids"
    fake.write_text(FAKE_NOX)
    pids.touch()
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(fake), str(pids)], cwd=noxfile.ROOT)
    try:
        while len(pids.read_text().split()) < 3:
            assert runner.poll() is None
            time.sleep(0.02)
    finally:
        runner.send_signal(number)
    assert runner.wait(60) == 128 + number
    started = {int(pid) for pid in pids.read_text().split()}
    assert not started & {process.pid for process in process_tree.running()}
