"""``aftersend up`` as a process: embedded Valkey, several tenants, isolation, the way it ends."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from aftersend.cli import supervisor
from aftersend.key_files import foreign_seal_keys, make_next_key
from tests.support.part_kit import FEW_FILES, FLOOD, PATIENCE, ServiceProcess, get, silent_connections
from tests.support.part_kit import KEY as FINGERPRINT
from tests.support.servers import free_port
from tests.support.tenant_pods import until

PRELUDE = """
import asyncio, sys
from aiohttp import web
from aftersend.backoff import Backoff
from aftersend.cli import supervisor
from aftersend.key_files import foreign_seal_keys, make_next_key
from aftersend.cli.main import main
from aftersend.service.runtime import Part

async def hello(request): return web.Response(text="hello")

async def exporter(runtime):
    sys.stderr.write('{"event": "scheduler", "value": "%s"}\\n' % runtime.settings.scheduler)
    await runtime.stop.wait()

async def webhook(runtime):
    runtime.public.mount(runtime.tenant.spec.webhook.path, hello)
    await runtime.stop.wait()
"""
WHOLE = "import sys; sys.argv[0] = 'aftersend'; from aftersend.cli.main import main\n"
CALM = "async def writer(runtime): await runtime.stop.wait()"
ENDING = """
parts = [Part("exporter", exporter), Part("webhook", webhook), Part("writer", writer)]
supervisor.load_parts = lambda: parts
supervisor._RESTART_BACKOFF = Backoff(first=0.05, longest=60.0)
supervisor._VALKEY_CHECK_SECONDS = 0.05
sys.argv = ["aftersend", *sys.argv[1:]]
main()
"""


class Shop:
    """Documents and secrets of some tenants, and the `up` that serves them."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.admin, self.public = free_port(), free_port()
        self.files = [self._document(name) for name in names]
        for name in names:
            self._secrets(folder / "secrets" / (name if len(names) > 1 else ""))

    def _document(self, name: str) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(
            "apiVersion: aftersend.jj-ideenschmiede.de/v1\nkind: AftersendTenant\n"
            f"metadata: {{name: {name}}}\nspec:\n"
            '  afterbuy: {url: "http://127.0.0.1:9/a", credentials: {secretName: a}}\n'
            '  sendcloud: {url: "http://127.0.0.1:9/s", credentials: {secretName: s}, integration: 1}\n'
        )
        return path

    def _secrets(self, folder: Path) -> None:
        for name in ("afterbuy/partnerToken", "afterbuy/accountToken", "sendcloud/publicKey", "sendcloud/secretKey"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("secret")

    def up(self, code: str = CALM, **environ: str) -> ServiceProcess:
        return ServiceProcess(code, {**self.environ, **environ}, self.words, prelude=PRELUDE, ending=ENDING)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.public}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
            "AFTERSEND_LOG_FORMAT": "json",
            "PATH": os.environ["PATH"],
        }

    @property
    def words(self) -> list[str]:
        files = [word for file in self.files for word in ("-f", str(file))]
        return ["up", *files, "--data-dir", str(self.folder / "data")]

    @property
    def kept(self) -> dict[str, dict[str, str]]:
        return json.loads((self.folder / "data" / "up.json").read_text())

    def client(self, name: str) -> redis.Redis:
        kept = self.kept[name]
        password = (Path(kept["redis_secrets"]) / "password").read_text()
        return redis.Redis.from_url(kept["redis_url"], password=password)


def _ready(process: ServiceProcess, port: int) -> None:
    """Wait until the process listens and is ready."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.popen.poll() is None, process.wait()
        try:
            if get(port, "/readyz")[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_tenant_from_start_to_end(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up() as process:
        assert process.line("scheduler")["value"] == "all"
        _ready(process, shop.admin)
        assert get(shop.public, "/webhooks/sendcloud")[:2] == (200, "hello")
        assert get(shop.admin, "/healthz")[0] == 200
        assert set(shop.kept) == {"mueller"}
        with shop.client("mueller") as client:
            assert client.config_get("appendfsync")["appendfsync"] == "always"
            pid = client.info("server")["process_id"]
        assert process.end() == 0
    assert not Path(f"/proc/{pid}").exists()
    assert not (tmp_path / "data" / "up.json").exists()
    assert "Traceback" not in process.text
    assert "mueller: exports at '0 * * * *', sweeps at '*/20 * * * *' (Europe/Berlin)" in process.output
    assert f"webhook on port {shop.public}/webhooks/sendcloud" in process.output
    assert "https://<your public host>/webhooks/sendcloud" in process.output


def test_the_data_key_is_made_once_and_elsewhere_than_the_database(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    keys = tmp_path / "secrets" / "data-key"
    for _ in range(2):
        with shop.up() as process:
            process.line("scheduler")
            assert process.end() == 0
        names = sorted(path.name for path in keys.iterdir())
        assert len(names) == 2
        assert names[-1] == "fingerprint"
        assert [path.name for path in (tmp_path / "secrets" / "seal-key").iterdir()] == names[:1]
    assert not list((tmp_path / "data").rglob("fingerprint"))


def test_seal_keys_follow_new_data_keys_while_it_runs(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up("supervisor._SEAL_KEY_SECONDS = 0.2\n" + CALM) as process:
        _ready(process, shop.admin)
        made = make_next_key(tmp_path / "secrets" / "data-key")
        until((tmp_path / "secrets" / "seal-key" / made).exists, "the seal key")
        assert foreign_seal_keys(tmp_path / "secrets") == []
        assert process.end() == 0


def test_several_tenants_have_their_own_secrets_paths_and_probes(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller", "schmidt")
    with shop.up() as process:
        _ready(process, shop.admin)
        assert get(shop.public, "/webhooks/sendcloud")[0] == 404
        for name in ("mueller", "schmidt"):
            assert get(shop.public, f"/webhooks/sendcloud/{name}")[:2] == (200, "hello")
            assert (tmp_path / "secrets" / name / "data-key" / "fingerprint").exists()
        checks = json.loads(get(shop.admin, "/readyz?verbose")[1])
        assert set(checks) == {"mueller", "schmidt"} | {
            f"{tenant} {part}" for tenant in ("mueller", "schmidt") for part in ("exporter", "webhook", "writer")
        }
        assert set(shop.kept) == {"mueller", "schmidt"}
        assert process.end() == 0


@pytest.mark.parametrize("address", ["public", "admin"])
def test_silent_connections_keep_nothing_out(address: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    port, path = getattr(shop, address), {"public": "/webhooks/sendcloud", "admin": "/healthz"}[address]
    with shop.up(FEW_FILES + CALM) as process:
        _ready(process, shop.admin)
        with silent_connections(port, FLOOD):
            assert [get(port, path)[0] for _ in range(3)] == [200] * 3
        assert get(shop.admin, "/healthz")[0] == 200
        assert process.end() == 0
    assert process.text.count("connections_dropped") == 1
    assert process.text.count("\n") < 15


def test_what_was_deleted_leaves_the_disk_with_the_daily_rewrite(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up("supervisor._REWRITE_SECONDS = 0.2\n" + CALM) as process:
        _ready(process, shop.admin)
        with shop.client("mueller") as client:
            client.set("key", "Kanarienvogel")
            client.delete("key")
        until(lambda: not _on_disk(tmp_path / "data", b"Kanarienvogel"), "the rewrite")
        assert process.end() == 0


def _on_disk(folder: Path, mark: bytes) -> bool:
    found = False
    for path in folder.rglob("*.aof"):
        with contextlib.suppress(FileNotFoundError):
            found |= mark in path.read_bytes()
    return found


def test_a_failing_part_starts_again_and_disturbs_no_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller", "schmidt")
    code = """
tries = {}
async def writer(runtime):
    name = runtime.identity
    tries[name] = tries.get(name, 0) + 1
    if name == "mueller" and tries[name] < 3:
        runtime.health.register_loop("never", -1)
        raise ValueError("Käthe")
    sys.stderr.write('{"event": "serving", "tenant": "%s", "try": %d}\\n' % (name, tries[name]))
    await runtime.stop.wait()
"""
    with shop.up(code) as process:
        failed = process.line("part_failed")
        assert (failed["tenant"], failed["part"], failed["error"]) == ("mueller", "writer", "ValueError")
        while process.line("serving")["try"] != 3:
            pass
        _ready(process, shop.admin)
        assert get(shop.admin, "/healthz")[0] == 200
        assert process.end(signal.SIGINT) == 0
    assert "Käthe" not in process.text


def test_a_broken_document_or_missing_secret_leaves_the_others_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller", "schmidt", "weber")
    (tmp_path / "schmidt.yaml").write_text("kind: Nonsense")
    (tmp_path / "secrets" / "weber" / "afterbuy" / "accountToken").unlink()
    with shop.up() as process:
        _ready(process, shop.admin)
        assert set(shop.kept) == {"mueller"}
        assert get(shop.public, "/webhooks/sendcloud/mueller")[0] == 200
        assert process.end() == 1
    assert "left out" in process.text
    assert "schmidt.yaml" in process.text
    assert "weber: afterbuy/accountToken" in process.text


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda shop: shop.files[0].write_text("{"), "is not YAML"),
        (lambda shop: shop.files[0].unlink(), "cannot be read"),
        (lambda shop: (shop.folder / "secrets/sendcloud/secretKey").unlink(), "sendcloud/secretKey"),
        (lambda shop: shop.files.append(shop.files[0]), "secrets are missing"),
    ],
)
def test_no_tenant_to_serve_ends_with_2(break_it: object, said: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    break_it(shop)  # type: ignore[operator]
    with shop.up() as process:
        assert process.wait() == 2
    assert said in process.text
    assert "there is no tenant to serve" in process.text
    assert "Traceback" not in process.text


def absent(path: Path) -> None:
    """As in a folder that Kubernetes mounts."""
    path.unlink()
    (path.parent / "..data").symlink_to("..1")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


STATES: dict[str, Callable[[Path], object]] = {
    "absent": absent,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff\xfe\x00\xf6"),
    "folder": folder_instead,
}
"""What may be in the place of a key."""


def test_what_is_in_a_secret_leaves_no_tenant_out(tmp_path: Path) -> None:
    """The pod of the compact topology: it runs, says which keys are empty, and heals when the files change."""
    keys = ("afterbuy/partnerToken", "sendcloud/publicKey", "sendcloud/secretKey", "data-key/fingerprint")
    broken = {f"{state}-{number}": (state, key) for state in STATES for number, key in enumerate(keys)}
    del broken["absent-3"]  # a data key that is absent is made
    shop = Shop(tmp_path, *broken)
    for name, (state, key) in broken.items():
        path = tmp_path / "secrets" / name / key
        path.parent.mkdir(exist_ok=True)
        path.touch()
        STATES[state](path)
    with ServiceProcess("", shop.environ, shop.words, prelude=WHOLE, ending="main()") as process:
        process.line("listening")
        found = json.loads(get(shop.admin, "/readyz?verbose")[1])
        assert [name for name, (_, key) in broken.items() if key not in found[f"{name} exporter"]["missingKeys"]] == []
        for name, (state, key) in broken.items():
            path = tmp_path / "secrets" / name / key
            if state == "folder":
                path.rmdir()
            path.write_text(FINGERPRINT if "data-key" in key else "a-key-of-some-length")
        until(lambda: get(shop.admin, "/readyz")[1] == "ok\n", "every key is there")
        assert process.end() == 0
    assert "part_failed" not in process.text
    assert "Traceback" not in process.text


def test_wrong_settings_and_a_taken_port_end_with_2(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up(AFTERSEND_LOG_LEVEL="loud") as process:
        assert process.wait() == 2
    assert "AFTERSEND_LOG_LEVEL" in process.text
    with Shop(tmp_path, "mueller").up(AFTERSEND_ADMIN_LISTEN="203.0.113.1:9090") as process:
        assert process.wait() == 2
    assert "AFTERSEND_ADMIN_LISTEN" in process.text
    assert "Traceback" not in process.text


def test_a_data_directory_in_use_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up() as first:
        _ready(first, shop.admin)
        with shop.up("import aftersend.redis.embedded as e; e._CLAIM_SECONDS = 0.1\n" + CALM) as second:
            assert second.wait() == 2
        assert f"is in use by process {first.popen.pid}" in second.text
        assert get(shop.admin, "/readyz")[0] == 200


def test_a_given_redis_is_used_instead(tmp_path: Path, redis_url: str) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up(AFTERSEND_REDIS_URL=redis_url) as process:
        _ready(process, shop.admin)
        assert shop.kept["mueller"]["redis_url"] == redis_url
        assert not (tmp_path / "data" / "valkey").exists()
        assert process.end() == 0


def test_valkey_is_started_again_when_it_dies_and_goes_when_up_is_killed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    with shop.up() as process:
        _ready(process, shop.admin)
        with shop.client("mueller") as client:
            client.set("key", "value")
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        process.line("valkey_died")
        _ready(process, shop.admin)
        with shop.client("mueller") as client:
            assert client.get("key") == b"value"
            pid = client.info("server")["process_id"]
        descriptor = os.pidfd_open(pid)
        process.end(signal.SIGKILL)
    assert _ended(descriptor)


def _ended(descriptor: int) -> bool:

    try:
        return bool(select.select([descriptor], [], [], PATIENCE)[0])
    finally:
        os.close(descriptor)


def test_a_valkey_that_cannot_come_back_is_said_and_tried_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    code = """
from aftersend.redis.embedded import EmbeddedValkey
from aftersend.errors import Misconfigured
restart, tries = EmbeddedValkey.restart, []
async def stubborn(self):
    tries.append(1)
    if len(tries) == 1: raise Misconfigured("no room")
    await restart(self)
EmbeddedValkey.restart = stubborn
"""
    with shop.up(code + CALM) as process:
        _ready(process, shop.admin)
        with shop.client("mueller") as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        assert process.line("valkey_not_restarted")["error"] == "Misconfigured(no room)"
        _ready(process, shop.admin)
        assert process.end() == 0


def test_every_installed_part_is_found_by_its_entry_point() -> None:
    assert [entry.name for entry in supervisor.part_entries()] == ["exporter", "webhook", "writer"]


def test_a_tenant_named_twice_is_served_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller", "schmidt")
    (tmp_path / "schmidt.yaml").write_text((tmp_path / "mueller.yaml").read_text())
    with shop.up() as process:
        _ready(process, shop.admin)
        assert set(shop.kept) == {"mueller"}
        assert process.end() == 1
    assert "tenant mueller is named twice" in process.text


def test_keys_that_cannot_be_made_are_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "mueller")
    (tmp_path / "secrets" / "data-key").write_text("a file where a folder belongs")
    with shop.up() as process:
        assert process.wait() == 2
    assert "no data key can be made in" in process.text
