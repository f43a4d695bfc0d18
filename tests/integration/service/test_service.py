"""Service processes as the platform sees them: exit codes, probes, metrics, signals, an absent Redis."""

import gzip
import http.server
import json
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest
import redis

from tests.support.part_kit import IDLE, PATIENCE, ServiceProcess, environment, get, running
from tests.support.servers import NewServer
from tests.support.tenant_pods import until

HELLO = """
async def hello(request): return web.Response(text="hello")
async def serve(runtime):
    runtime.public.mount("/hooks", hello)
    await runtime.stop.wait()
"""


def test_ready_with_redis_and_gone_after_sigterm(tmp_path: Path, redis_url: str) -> None:
    with running(IDLE, environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)) as process:
        started = process.line("started")
        port = started["admin_port"]
        assert started["tenant"] == "shops.mueller"
        assert get(port, "/healthz")[:2] == (200, "ok\n")
        assert get(port, "/readyz")[:2] == (200, "ok\n")
        assert get(port, "/other")[0] == 404
        assert process.end() == 0
    assert "Traceback" not in process.text


def test_interrupt_ends_it_as_well(tmp_path: Path, redis_url: str) -> None:
    with running(IDLE, environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)) as process:
        process.line("started")
        assert process.end(signal.SIGINT) == 0


def test_metrics_in_both_forms_and_durability_after_the_first_look(tmp_path: Path, redis_url: str) -> None:
    with running(IDLE, environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)) as process:
        port = process.line("started")["admin_port"]
        process.line("redis_durable")
        status, text, headers = get(port, "/metrics")
        assert status == 200
        assert 'aftersend_redis_durable{tenant="shops.mueller"} 1.0' in text
        assert headers["Content-Type"].startswith("text/plain")
        assert "Server" not in headers
        _, text, headers = get(port, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")


QUICK = """
from aftersend.service import secret_watch
secret_watch.EVERY_SECONDS = 0.05
"""


def test_who_serves_whom_and_a_secret_that_changes(tmp_path: Path, redis_url: str) -> None:
    settings = environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)
    folder = tmp_path / "secrets" / "sendcloud"
    folder.mkdir()
    (folder / "secretKey").write_text("first")
    seen = 'aftersend_secret_changes_total{secret="sendcloud",tenant="shops.mueller"} 0.0'
    with running(QUICK + IDLE, settings) as process:
        port = process.line("started")["admin_port"]
        until(lambda: seen in get(port, "/metrics")[1], "the first look at the secrets")
        _, text, _ = get(port, "/metrics")
        assert 'aftersend_part_info{part="probe",tenant="shops.mueller"} 1.0' in text
        assert 'aftersend_suspended{tenant="shops.mueller"} 0.0' in text
        (folder / "secretKey").write_text("another")
        assert process.line("secret_changed")["secret"] == "sendcloud/secretKey"
        _, text, _ = get(port, "/metrics")
        assert 'aftersend_secret_changes_total{secret="sendcloud",tenant="shops.mueller"} 1.0' in text
        process.end()
    assert "another" not in process.text + process.output


def test_without_redis_it_lives_is_not_ready_and_recovers(tmp_path: Path, new_server: NewServer) -> None:
    server = new_server()
    with running(IDLE, environment(tmp_path, AFTERSEND_REDIS_URL=server.url)) as process:
        port = process.line("started")["admin_port"]
        assert get(port, "/healthz")[0] == 200
        status, text, _ = get(port, "/readyz")
        assert (status, text) == (503, "shops.mueller redis: redis: redis_unavailable\n")
        server.start()
        assert get(port, "/readyz")[0] == 200
        process.line("redis_durable")
        server.kill()
        assert get(port, "/readyz")[0] == 503
        assert get(port, "/healthz")[0] == 200
        assert process.end() == 0


def test_a_redis_that_forgets_is_reported(tmp_path: Path, new_server: NewServer) -> None:
    server = new_server("--appendonly", "no", "--maxmemory-policy", "allkeys-lru").start()
    with running(IDLE, environment(tmp_path, AFTERSEND_REDIS_URL=server.url)) as process:
        port = process.line("started")["admin_port"]
        line = process.line("redis_not_durable")
        assert line["faults"] == ["appendonly is off", "maxmemory-policy is not noeviction"]
        assert 'aftersend_redis_durable{tenant="shops.mueller"} 0.0' in get(port, "/metrics")[1]


def test_the_public_address_serves_what_is_mounted_and_nothing_else(tmp_path: Path) -> None:
    with running(HELLO, environment(tmp_path)) as process:
        port = process.line("listening")["port"]
        status, text, headers = get(port, "/hooks")
        assert (status, text) == (200, "hello")
        assert "Server" not in headers
        for path in ("/", "/hooks/", "/healthz", "/metrics", "/readyz"):
            assert get(port, path)[0] == 404


NO_HTTP = (
    "Kanarienvogel Kanarienvogel\r\n\r\n",
    "GET http://[Kanarienvogel/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: Kanarienvogel\r\n\r\n",
    f"GET /hooks HTTP/1.1\r\nHost: x\r\nX-Long: {'Kanarienvogel' * 2000}\r\n\r\n",
)
EXPECTED = "GET {} HTTP/1.1\r\nHost: x\r\nExpect: Kanarienvogel\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(("where", "path"), [("listening", "/hooks"), ("started", "/healthz"), ("started", "/other")])
def test_an_expectation_is_not_quoted(where: str, path: str, tmp_path: Path) -> None:
    with running(HELLO, environment(tmp_path)) as process:
        port = process.line(where)[{"listening": "port", "started": "admin_port"}[where]]
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(EXPECTED.format(path).encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 417")
    assert "Kanarienvogel" not in answer + process.text


def test_a_client_that_waits_for_it_is_asked_for_its_body(tmp_path: Path) -> None:
    with running(HELLO, environment(tmp_path)) as process:
        port = process.line("listening")["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                b"POST /hooks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                b"Content-Length: 1\r\nConnection: close\r\n\r\n"
            )
            assert connection.recv(25, socket.MSG_WAITALL) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"x")
            assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("url", "warned"), [("redis://127.0.0.1:9/0", 0), ("redis://192.0.2.1:9/0", 1), ("rediss://192.0.2.1:9/0", 0)]
)
def test_redis_without_tls_beyond_this_machine_is_one_warning(url: str, warned: int, tmp_path: Path) -> None:
    with running("async def serve(runtime): return", environment(tmp_path, AFTERSEND_REDIS_URL=url)) as process:
        assert process.wait() == 0
    assert process.text.count('"redis_without_tls"') == warned


def test_a_password_in_the_address_of_redis_is_a_warning_that_does_not_quote_it(tmp_path: Path) -> None:
    url = "rediss://us:Kanarienvogel@192.0.2.1:9/0"
    with running("async def serve(runtime): return", environment(tmp_path, AFTERSEND_REDIS_URL=url)) as process:
        assert process.wait() == 0
    assert process.text.count('"redis_password_in_url"') == 1
    assert "Kanarienvogel" not in process.text


@pytest.mark.parametrize("where", ["listening", "started"])
def test_what_is_no_http_is_refused_without_a_quote_or_a_banner(where: str, tmp_path: Path) -> None:
    with running(HELLO, environment(tmp_path)) as process:
        port = process.line(where)[{"listening": "port", "started": "admin_port"}[where]]
        for text in NO_HTTP * 5:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(text.encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            assert answer.startswith(("HTTP/1.0 400", "HTTP/1.1 400")), answer
            assert "Kanarienvogel" not in answer
            assert "aiohttp" not in answer
        assert process.end() == 0
    assert "Kanarienvogel" not in process.text
    assert 0 < process.text.count('"level":"error"') <= len(NO_HTTP)


def test_a_verbose_probe_lists_every_check_and_fact(tmp_path: Path) -> None:
    code = "async def serve(runtime):\n runtime.health.set_fact('circuits', ['afterbuy'])\n await runtime.stop.wait()"
    with running(code, environment(tmp_path)) as process:
        port = process.line("started")["admin_port"]
        status, text, headers = get(port, "/readyz?verbose")
    assert status == 503
    assert headers["Content-Type"].startswith("application/json")
    assert text == (
        '{"shops.mueller":{"ready":false,"checks":{"redis":"redis: redis_unavailable","data-key":""},'
        '"lastScrape":"","missingKeys":[],"circuits":["afterbuy"]}}'
    )


def test_a_verbose_probe_says_when_the_metrics_were_read_last(tmp_path: Path) -> None:
    code = "async def serve(runtime):\n await runtime.stop.wait()"
    with running(code, environment(tmp_path)) as process:
        port = process.line("started")["admin_port"]
        for path in ("/healthz", "/readyz", "/readyz?verbose"):
            get(port, path)
        before = json.loads(get(port, "/readyz?verbose")[1])["shops.mueller"]["lastScrape"]
        get(port, "/metrics")
        after = json.loads(get(port, "/readyz?verbose")[1])["shops.mueller"]["lastScrape"]
    assert before == ""
    assert datetime.fromisoformat(after).tzinfo is not None


def test_a_stalled_loop_fails_the_liveness_probe(tmp_path: Path) -> None:
    code = "async def serve(runtime):\n runtime.health.register_loop('reader', -1)\n await runtime.stop.wait()"
    with running(code, environment(tmp_path)) as process:
        status, text, _ = get(process.line("started")["admin_port"], "/healthz")
    assert status == 503
    assert text.startswith("shops.mueller reader: silent for")


def test_all_wrong_settings_are_reported_at_once_without_a_traceback(tmp_path: Path) -> None:
    environ = environment(tmp_path, AFTERSEND_TENANT_FILE="", AFTERSEND_REDIS_URL="ftp://x", AFTERSEND_LOG_LEVEL="loud")
    with running(IDLE, environ) as process:
        assert process.wait() == 2
    assert process.text.startswith("aftersend-probe cannot start: ")
    for name in ("AFTERSEND_TENANT_FILE", "AFTERSEND_REDIS_URL", "AFTERSEND_LOG_LEVEL"):
        assert name in process.text
    assert process.text.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AFTERSEND_TENANT_FILE": "MISSING/tenant.yaml"}, "tenant file MISSING/tenant.yaml cannot be read"),
        ({"AFTERSEND_SECRETS_DIR": "MISSING"}, "AFTERSEND_SECRETS_DIR must name it"),
        ({"AFTERSEND_ADMIN_LISTEN": "203.0.113.1:9090"}, "set AFTERSEND_ADMIN_LISTEN to a free address"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT is wrong: use a URL"),
    ],
)
def test_what_cannot_work_ends_with_2(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    changes = {name: value.replace("MISSING", missing) for name, value in changes.items()}
    with running(IDLE, environment(tmp_path, **changes)) as process:
        assert process.wait() == 2
    assert said.replace("MISSING", missing) in process.text
    assert "Traceback" not in process.text


def test_a_taken_public_address_ends_with_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with running(HELLO, environment(tmp_path, AFTERSEND_LISTEN=address)) as process:
            assert process.wait() == 2
    assert "set AFTERSEND_LISTEN to a free address" in process.text


@pytest.mark.parametrize(
    ("allow", "hosts", "code"),
    [
        ("1", "Sendcloud.Example", 0),
        ("", "sendcloud.example", 2),
        ("0", "sendcloud.example", 2),
        ("1", "", 2),
        ("1", "sendcloud.example:80", 2),
    ],
)
def test_other_addresses_need_their_host_and_plain_http_a_word(
    allow: str, hosts: str, code: int, tmp_path: Path
) -> None:
    environ = environment(tmp_path, AFTERSEND_ALLOW_HTTP=allow, AFTERSEND_UPSTREAM_HOSTS=hosts)
    tenant = Path(environ["AFTERSEND_TENANT_FILE"])
    tenant.write_text(tenant.read_text().replace("127.0.0.1:9/api", "sendcloud.example/api"))
    done = "async def serve(runtime): return"
    with running(done, environ) as process:
        assert process.wait() == code
    assert ("spec.sendcloud.url" in process.text or "AFTERSEND_UPSTREAM_HOSTS is" in process.text) == bool(code)


def test_a_crash_is_one_line_with_the_type_and_no_text(tmp_path: Path) -> None:
    code = "async def serve(runtime): raise ValueError('Käthe')"
    with running(code, environment(tmp_path)) as process:
        line = process.line("failed")
        assert process.wait() == 1
    assert line["error"] == "ValueError"
    assert "Käthe" not in process.text
    assert "Traceback" not in process.text


def test_a_part_that_does_not_end_is_cancelled(tmp_path: Path) -> None:
    code = """
import aftersend.service.run as run
run._CANCEL_AFTER = 0.05
async def serve(runtime):
    try: await asyncio.sleep(3600)
    finally: sys.stderr.write('{"event": "cancelled"}\\n')
"""
    with running(code, environment(tmp_path)) as process:
        process.line("started")
        process.popen.send_signal(signal.SIGTERM)
        process.line("cancelled")
        assert process.wait() == 0


def test_a_process_that_hangs_leaves_anyway(tmp_path: Path) -> None:
    code = """
import time
import aftersend.service.run as run
run._LEAVE_AFTER = 0.2
async def serve(runtime):
    await runtime.stop.wait()
    while True: time.sleep(0.05)
"""
    with running(code, environment(tmp_path)) as process:
        process.line("started")
        assert process.end() == 0


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    code = """
async def slow(request):
    sys.stderr.write('{"event": "asked"}\\n')
    await stopping.wait()
    return web.Response(text="answered")
async def serve(runtime):
    global stopping
    stopping = runtime.stop
    runtime.public.mount("/hooks", slow)
    await runtime.stop.wait()
"""
    with running(code, environment(tmp_path)) as process:
        port = process.line("listening")["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /hooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            process.line("asked")
            process.popen.send_signal(signal.SIGTERM)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"answered")
        assert process.wait() == 0


def test_memory_reaches_neither_the_disk_nor_other_processes(tmp_path: Path) -> None:
    code = """
import ctypes, json, resource
async def serve(runtime):
    limits = {"core": resource.getrlimit(resource.RLIMIT_CORE), "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}
    sys.stderr.write(json.dumps({"event": "limits", **limits}) + "\\n")
"""
    with running(code, environment(tmp_path)) as process:
        line = process.line("limits")
        assert line["core"] == [0, 0]
        assert line["dumpable"] == 0
        assert process.wait() == 0


def test_the_narrow_acl_of_the_webhook_is_enough(tmp_path: Path, redis_url: str) -> None:
    secrets = tmp_path / "secrets" / "redis"
    secrets.mkdir(parents=True)
    (secrets / "username").write_text("webhook")
    (secrets / "password").write_text("secret")
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "webhook", "on", ">secret", "~aftersend:*", "-@all", "+xadd", "+info")
        client.execute_command("ACL", "LOG", "RESET")
        ending = '\nsys.exit(run_part(Part("webhook", serve)))'
        environ = environment(tmp_path, AFTERSEND_REDIS_URL=redis_url)
        with ServiceProcess(IDLE, environ, ending=ending) as process:
            port = process.line("started")["admin_port"]
            assert process.line("redis_durable")["appendfsync"] == "unknown"
            assert get(port, "/readyz")[0] == 200
            assert process.end() == 0
        assert client.execute_command("ACL", "LOG") == []
        client.execute_command("ACL", "DELUSER", "webhook")


class _Collector(http.server.BaseHTTPRequestHandler):
    """Takes traces as an OpenTelemetry collector does."""

    seen: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        self.seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def collector() -> Iterator[str]:
    _Collector.seen.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


TRACED = """
from aftersend.observe.traces import span
async def serve(runtime):
    with span("export.page", order="4711", city="Entenhausen"): pass
"""


def test_spans_reach_the_collector_before_the_process_ends(tmp_path: Path, collector: str) -> None:
    with running(TRACED, environment(tmp_path) | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector}) as process:
        assert process.wait() == 0
    ((path, body),) = _Collector.seen
    body = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    assert path == "/v1/traces"
    assert b"export.page" in body
    assert b"4711" in body
    assert b"aftersend-probe" in body
    assert b"Entenhausen" not in body


def test_grpc_for_traces_is_one_warning_and_the_service_runs(tmp_path: Path, collector: str) -> None:
    environ = environment(tmp_path) | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    with running(TRACED, environ) as process:
        assert process.line("traces_off")["setting"] == "OTEL_EXPORTER_OTLP_PROTOCOL"
        assert process.line("started")
        assert process.wait() == 0
    assert process.text.count("traces_off") == 1
    assert not _Collector.seen


def test_a_collector_that_is_away_does_no_harm(tmp_path: Path) -> None:
    environ = environment(tmp_path) | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_BSP_EXPORT_TIMEOUT": "200",
    }
    with running(TRACED, environ | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}) as process:
        assert process.wait() == 0
    assert "Traceback" not in process.text
