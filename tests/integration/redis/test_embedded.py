"""The embedded Valkey: durable, private, alone in its folder, and gone with its parent."""

import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

import aftersend.redis.embedded as module
from aftersend.errors import Misconfigured
from aftersend.redis.embedded import EmbeddedValkey

PARENT = """
import sys
from pathlib import Path
from aftersend.redis.embedded import EmbeddedValkey
server = EmbeddedValkey(Path(sys.argv[1]), watcher=sys.argv[2] == "watcher")
server.start()
print(server.pid, server.url, flush=True)
sys.stdin.read()
"""


def _gone(pid: int, *, patience: float = 120) -> bool:
    """Wait until a process that is not ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], patience)[0])
    finally:
        os.close(descriptor)


def test_it_keeps_what_it_confirms(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url) as client:
        config = client.config_get("*")
        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "always"
        assert config["maxmemory-policy"] == "noeviction"
        assert int(config["maxmemory"]) == 512 * 1024 * 1024
        assert config["bind"] == "127.0.0.1"
        client.set("key", "value")
        os.kill(server.pid, signal.SIGKILL)
    with EmbeddedValkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"


def test_it_wants_its_password_which_stands_in_no_command_line(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        password = (server.secrets / "password").read_text()
        assert stat.S_IMODE((server.secrets / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
        with redis.Redis.from_url(server.bare_url) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        assert password in server.url
        assert password.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()


@pytest.mark.parametrize("means", ["kernel", "watcher"])
def test_it_ends_when_its_parent_is_killed(means: str, tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), means], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, url = parent.stdout.readline().split()
        with redis.Redis.from_url(url) as client:
            client.set("key", "value")
        parent.kill()
    assert _gone(int(pid))
    with EmbeddedValkey(folder) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CLAIM_SECONDS", 0.1)
    with EmbeddedValkey(tmp_path / "data" / "valkey") as first:
        second = EmbeddedValkey(tmp_path / "data" / "valkey")
        with pytest.raises(Misconfigured) as caught:
            second.start()
        assert str(caught.value) == (
            f"data directory {tmp_path / 'data'} is in use by process {os.getpid()}"
            " – end that one, or choose another data directory"
        )
        assert first.is_running
        assert not second.is_running


async def test_it_comes_back_on_the_same_port_after_it_died(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
        os.kill(server.pid, signal.SIGKILL)
        assert _gone(server.pid)
        assert not server.is_running
        await server.restart()
        assert client.get("key") == b"value"


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="file/valkey cannot be used"):
        EmbeddedValkey(tmp_path / "file" / "valkey").start()


def test_a_server_that_does_not_start_points_to_its_log(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"valkey\.log"):
        EmbeddedValkey(tmp_path / "valkey", memory="nonsense").start()


def test_stopping_is_repeatable_and_frees_the_folder(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    assert server.pid == 0
    server.start()
    server.stop()
    server.stop()
    assert not server.is_running
    server.start()
    server.stop()


def test_a_machine_without_a_server_gets_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(Misconfigured, match="--redis-url"):
        EmbeddedValkey(tmp_path / "valkey").start()


def test_one_that_hangs_is_killed_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_END_SECONDS", 0.05)
    with EmbeddedValkey(tmp_path / "valkey") as server:
        pid = server.pid
        os.kill(pid, signal.SIGSTOP)
    assert _gone(pid)


def test_a_child_whose_parent_is_gone_already_does_not_begin() -> None:
    code = "from aftersend.redis.embedded import end_with_thread; end_with_thread(1); print('began')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
