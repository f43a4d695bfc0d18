"""``aftersend demo`` as its user runs it: in a terminal, for a machine, and when a rule was broken."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from aftersend_demo import main

COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'aftersend'; from aftersend.cli.main import main; main()"]
RULES = 25


def test_the_day_for_a_machine() -> None:
    ended = subprocess.run([*COMMAND, "demo", "--json"], capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = json.loads(ended.stdout)
    assert (shown["ok"], shown["page"], len(shown["rules"])) == (True, "", RULES)
    for rule in shown["rules"]:
        assert rule["kept"], rule
        assert rule["checked"] > 0, "a rule without a case proves nothing"
        assert (rule["violated"], rule["orders"]) == (0, [])


@contextmanager
def in_a_terminal(*words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command with a terminal to write to, and the other end of that terminal."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "160"}
    process = subprocess.Popen([*COMMAND, *words], stdout=theirs, stderr=theirs, env=environ, start_new_session=True)
    os.close(theirs)
    try:
        yield process, ours
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_the_day_in_a_terminal_is_kept_until_ctrl_c() -> None:
    with in_a_terminal("demo", "--keep", "--seed", "2") as (process, terminal):
        shown = ""
        while "end with Ctrl-C" not in shown:
            shown += os.read(terminal, 65536).decode(errors="replace")
        assert "one merchant's day" in shown
        assert "kill -9: the writer is gone" in shown
        assert f"every rule was kept: {RULES} rules" in shown
        address = shown.rpartition("open ")[2].split()[0]
        with urlopen(address, timeout=120) as page:
            assert b"Aftersend sandbox" in page.read()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 5, "Valkey, sandbox and three services"
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
        assert not [child for child in children if Path("/proc", child).exists()]
        with pytest.raises(URLError):
            urlopen(address, timeout=120)


@pytest.mark.parametrize("kept", [True, False])
async def test_one_broken_rule_fails_the_demo(
    *, kept: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [
        {"name": "a", "text": "first", "checked": 2, "violated": 0, "kept": True, "orders": []},
        {"name": "b", "text": "second", "checked": 3, "violated": 0 if kept else 1, "kept": kept, "orders": ["7"]},
    ]

    async def day(*_: Any) -> list[dict[str, Any]]:
        return rules

    monkeypatch.setattr(main, "live_through", day)
    environment: Any = SimpleNamespace(sandbox_url="")
    assert await main._demo(environment, keep=False, as_json=False) == (0 if kept else 1)
    out = capsys.readouterr().out
    assert ("NOT every rule was kept" in out) is not kept
    assert ("FAILED     3 cases,   1 violated: second 7" in out) is not kept
