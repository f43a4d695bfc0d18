"""More silent TCP connections than a process may open files: it lives, answers others, and writes few log lines."""

from pathlib import Path

import pytest

from tests.support.part_kit import FEW_FILES, FLOOD, environment, get, running, silent_connections


@pytest.mark.parametrize(
    ("part", "event", "port", "path", "status"),
    [
        ("webhook", "listening", "port", "/webhooks/sendcloud", 405),
        ("webhook", "started", "admin_port", "/healthz", 200),
        ("exporter", "started", "admin_port", "/healthz", 200),
        ("writer", "started", "admin_port", "/healthz", 200),
    ],
)
def test_silent_connections_keep_nothing_out(
    part: str, event: str, port: str, path: str, status: int, tmp_path: Path
) -> None:
    environ = environment(tmp_path)
    (tmp_path / "secrets" / "sendcloud").mkdir()
    (tmp_path / "secrets" / "sendcloud" / "webhookSignatureKey").write_text("a-signature-key-of-some-length")
    with running(f"{FEW_FILES}\nfrom aftersend_{part}.main import main; main()", environ) as process:
        number = process.line(event)[port]
        with silent_connections(number, FLOOD):
            assert [get(number, path)[0] for _ in range(3)] == [status] * 3
            assert process.popen.poll() is None
        assert get(number, path)[0] == status
        assert process.end() == 0
    assert process.text.count("connections_dropped") == 1
    assert process.text.count("\n") < 15


LIMITS = """
import json, resource
async def serve(runtime):
    sys.stderr.write(json.dumps({"event": "limits", "files": resource.getrlimit(resource.RLIMIT_NOFILE)}) + "\\n")
"""


def test_the_soft_limit_of_open_files_is_raised_at_the_start(tmp_path: Path) -> None:
    lowered = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))\n"
    with running(lowered + LIMITS, environment(tmp_path)) as process:
        assert process.line("limits")["files"] == [4096, 4096]


def test_a_process_without_free_files_keeps_its_watchers(tmp_path: Path) -> None:
    """Whatever else takes the last file: a call to an upstream, a backup, a library."""
    code = """
async def serve(runtime):
    taken = [open("/dev/null")]
    try:
        while True: taken.append(open("/dev/null"))
    except OSError: pass
    await asyncio.sleep(0.3)
    taken.clear()
    sys.stderr.write('{"event": "free_again"}\\n')
    await runtime.stop.wait()
"""
    with running(FEW_FILES + code, environment(tmp_path)) as process:
        port = process.line("started")["admin_port"]
        process.line("free_again")
        assert get(port, "/healthz")[0] == 200
        assert process.end() == 0
