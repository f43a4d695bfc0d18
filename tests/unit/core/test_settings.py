from pathlib import Path

import pytest

from aftersend import settings
from aftersend.errors import Misconfigured
from aftersend.settings import ListenAddress, Settings, parse_listen_address, read_settings

LEAST = {
    "AFTERSEND_TENANT_FILE": "/etc/aftersend/tenant.yaml",
    "AFTERSEND_SECRETS_DIR": "/etc/aftersend/secrets",
    "AFTERSEND_REDIS_URL": "redis://redis:6379/0",
}


def test_defaults() -> None:
    assert read_settings(LEAST | {"AFTERSEND_LOG_FORMAT": "json"}) == Settings(
        tenant_file=Path("/etc/aftersend/tenant.yaml"),
        secrets_dir=Path("/etc/aftersend/secrets"),
        redis_url="redis://redis:6379/0",
        listen=ListenAddress("0.0.0.0", 8080),
        admin_listen=ListenAddress("0.0.0.0", 9090),
        log_format="json",
        log_level="info",
        scheduler="sweep",
        backup_target="",
        allow_http=False,
    )


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("AFTERSEND_REDIS_URL", "rediss://redis:6380/1", "redis_url", "rediss://redis:6380/1"),
        ("AFTERSEND_REDIS_URL", "redis://redis", "redis_url", "redis://redis"),
        ("AFTERSEND_REDIS_URL", "redis://user:word@[::1]:6380/", "redis_url", "redis://user:word@[::1]:6380/"),
        ("AFTERSEND_LISTEN", "127.0.0.1:81", "listen", ListenAddress("127.0.0.1", 81)),
        ("AFTERSEND_LISTEN", "[::1]:81", "listen", ListenAddress("::1", 81)),
        ("AFTERSEND_ADMIN_LISTEN", "localhost:0", "admin_listen", ListenAddress("localhost", 0)),
        ("AFTERSEND_LOG_LEVEL", "DeBuG", "log_level", "debug"),
        ("AFTERSEND_LOG_LEVEL", " warning ", "log_level", "warning"),
        ("AFTERSEND_LOG_FORMAT", "CONSOLE", "log_format", "console"),
        ("AFTERSEND_SCHEDULER", "all", "scheduler", "all"),
        ("AFTERSEND_SCHEDULER", "none", "scheduler", "none"),
        ("AFTERSEND_BACKUP_TARGET", "s3://bucket/prefix", "backup_target", "s3://bucket/prefix"),
        ("AFTERSEND_ALLOW_HTTP", "1", "allow_http", True),
        ("AFTERSEND_ALLOW_HTTP", "", "allow_http", False),
    ],
)
def test_every_variable_is_read(name: str, text: str, field: str, value: object) -> None:
    assert getattr(read_settings(LEAST | {name: text}), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "") for name in LEAST),
        ("AFTERSEND_REDIS_URL", "redis://"),
        ("AFTERSEND_REDIS_URL", "redis:///0"),
        ("AFTERSEND_REDIS_URL", "unix:///run/redis.sock"),
        ("AFTERSEND_REDIS_URL", "unix://:secret@/run/redis.sock?db=1"),
        ("AFTERSEND_REDIS_URL", "redis://redis:6379/orders"),
        ("AFTERSEND_REDIS_URL", "redis://redis:6379/0/1"),
        ("AFTERSEND_REDIS_URL", "rediss://redis:6379/0?ssl_cert_reqs=none"),
        ("AFTERSEND_REDIS_URL", "redis://redis:6379/0#1"),
        ("AFTERSEND_REDIS_URL", "http://redis:6379"),
        ("AFTERSEND_REDIS_URL", "redis://redis:port"),
        ("AFTERSEND_REDIS_URL", "redis://redis:0"),
        ("AFTERSEND_REDIS_URL", "redis://[redis"),
        ("AFTERSEND_LISTEN", "8080"),
        ("AFTERSEND_LISTEN", "host:"),
        ("AFTERSEND_LISTEN", "host:99999"),
        ("AFTERSEND_LISTEN", "host:80/path"),
        ("AFTERSEND_ADMIN_LISTEN", "[::1:80"),
        ("AFTERSEND_LOG_FORMAT", "xml"),
        ("AFTERSEND_LOG_LEVEL", "loud"),
        ("AFTERSEND_SCHEDULER", "some"),
        ("AFTERSEND_ALLOW_HTTP", "yes"),
    ],
)
def test_every_mistake_names_its_variable_and_never_its_value(name: str, text: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings(LEAST | {name: text})
    assert name in str(caught.value)
    assert text not in str(caught.value) or text in "use redis://host:6379/0, use host:port"


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(Misconfigured) as caught:
        read_settings({"AFTERSEND_LISTEN": "x", "AFTERSEND_LOG_LEVEL": "x", "AFTERSEND_ALLOW_HTTP": "x"})
    for name in (*LEAST, "AFTERSEND_LISTEN", "AFTERSEND_LOG_LEVEL", "AFTERSEND_ALLOW_HTTP"):
        assert name in str(caught.value)


@pytest.mark.parametrize(("terminal", "log_format"), [(True, "console"), (False, "json")])
def test_a_terminal_gets_console_logs(*, terminal: bool, log_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.sys.stderr, "isatty", lambda: terminal, raising=False)
    assert read_settings(LEAST).log_format == log_format


@pytest.mark.parametrize("text", ["", ":80", "host", "host:x"])
def test_what_is_no_address(text: str) -> None:
    assert parse_listen_address(text) is None
