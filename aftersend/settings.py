"""The settings of one process, parsed from its environment once.

All errors are reported together, so one correction fixes them. Secrets never come from the environment, only from files
(``aftersend.secrets``).
"""

import ipaddress
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

from aftersend.errors import Misconfigured

Scheduler = Literal["sweep", "all", "none"]
LogFormat = Literal["json", "console"]
UPSTREAM_HOSTS: Final = frozenset({"api.afterbuy.de", "panel.sendcloud.sc"})
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_REDIS_PATH = re.compile(r"(/[0-9]*)?")
_T = TypeVar("_T")
_S = TypeVar("_S", bound=str)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Host and port to listen on; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one service process."""

    tenant_file: Path
    """``AFTERSEND_TENANT_FILE``: the tenant document."""
    secrets_dir: Path
    """``AFTERSEND_SECRETS_DIR``: folders afterbuy, sendcloud, redis, data-key and seal-key, one file per key."""
    redis_url: str
    """``AFTERSEND_REDIS_URL``: redis:// or rediss://, host, port, database; the password is a secret file."""
    listen: ListenAddress
    """``AFTERSEND_LISTEN``: public address of the webhook service."""
    admin_listen: ListenAddress
    """``AFTERSEND_ADMIN_LISTEN``: /healthz, /readyz and /metrics of every service."""
    log_format: LogFormat
    """``AFTERSEND_LOG_FORMAT``: default console on a terminal, else json."""
    log_level: str
    """``AFTERSEND_LOG_LEVEL``: debug, info, warning or error."""
    scheduler: Scheduler
    """``AFTERSEND_SCHEDULER``: which runs the exporter starts by itself."""
    backup_target: str
    """``AFTERSEND_BACKUP_TARGET``: a directory or s3://bucket/prefix; empty = none."""
    allow_http: bool
    """``AFTERSEND_ALLOW_HTTP``: upstream URLs may be http beyond loopback."""
    upstream_hosts: frozenset[str] = UPSTREAM_HOSTS
    """``AFTERSEND_UPSTREAM_HOSTS``: all hosts beyond loopback that tenant documents may name."""


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Parse the environment; raises one ``Misconfigured`` that lists all errors."""
    reader = EnvironmentReader(environ)
    settings = Settings(
        tenant_file=Path(reader.required("AFTERSEND_TENANT_FILE", "name the tenant document")),
        secrets_dir=Path(reader.required("AFTERSEND_SECRETS_DIR", "name the folder of secret files")),
        redis_url=reader.parsed(
            "AFTERSEND_REDIS_URL", "", parse_redis_url, "use redis://host:6379/0 or rediss://host:6379/0"
        ),
        listen=reader.public_address(),
        admin_listen=reader.admin_address(),
        log_format=reader.choice("AFTERSEND_LOG_FORMAT", default_log_format(), ("json", "console")),
        log_level=reader.choice("AFTERSEND_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        scheduler=reader.choice("AFTERSEND_SCHEDULER", "sweep", ("sweep", "all", "none")),
        backup_target=environ.get("AFTERSEND_BACKUP_TARGET", ""),
        allow_http=reader.allow_http(),
        upstream_hosts=reader.upstream_hosts(),
    )
    if reader.errors:
        raise Misconfigured("; ".join(reader.errors))
    return settings


def read_upstream_limits(environ: Mapping[str, str] = os.environ) -> tuple[bool, frozenset[str]]:
    """Parse only what limits the addresses of upstreams: whether http is allowed, and the hosts."""
    reader = EnvironmentReader(environ)
    limits = reader.allow_http(), reader.upstream_hosts()
    if reader.errors:
        raise Misconfigured("; ".join(reader.errors))
    return limits


def default_log_format() -> LogFormat:
    """Return console on a terminal, JSON elsewhere."""
    return "console" if sys.stderr.isatty() else "json"


def read_admin_address(environ: Mapping[str, str] = os.environ) -> ListenAddress:
    """Parse only where probes and metrics of a service are."""
    reader = EnvironmentReader(environ)
    address = reader.admin_address()
    if reader.errors:
        raise Misconfigured("; ".join(reader.errors))
    return address


def read_public_address(environ: Mapping[str, str] = os.environ) -> ListenAddress:
    """Parse only where the webhook service listens."""
    reader = EnvironmentReader(environ)
    address = reader.public_address()
    if reader.errors:
        raise Misconfigured("; ".join(reader.errors))
    return address


class EnvironmentReader:
    """Reads variables and collects all errors instead of stopping at the first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.errors: list[str] = []

    def required(self, name: str, cure: str) -> str:
        """Return the variable; an error if it is missing or empty."""
        value = self.environ.get(name, "").strip()
        if not value:
            self.errors.append(f"{name} is missing: {cure}")
        return value

    def parsed(self, name: str, default: str, parse: Callable[[str], _T | None], cure: str) -> _T:
        """Return the result of ``parse`` for the variable or ``default``; None is an error."""
        value = parse(self.environ.get(name, "").strip() or default)
        if value is None:
            self.errors.append(f"{name} is missing or wrong: {cure}")
        return cast("_T", value)

    def admin_address(self) -> ListenAddress:
        """Return where probes and metrics are, of every service."""
        return self.parsed("AFTERSEND_ADMIN_LISTEN", "0.0.0.0:9090", parse_listen_address, "use host:port")

    def public_address(self) -> ListenAddress:
        """Return where the webhook service listens."""
        return self.parsed("AFTERSEND_LISTEN", "0.0.0.0:8080", parse_listen_address, "use host:port")

    def choice(self, name: str, default: _S, allowed: tuple[_S, ...]) -> _S:
        """Return the variable if it is one of ``allowed``, in any letter case."""
        value = self.environ.get(name, "").strip().lower() or default
        for candidate in allowed:
            if value == candidate:
                return candidate
        self.errors.append(f"{name} is wrong: use one of {', '.join(allowed)}")
        return default

    def allow_http(self) -> bool:
        """Return whether ``AFTERSEND_ALLOW_HTTP`` is 1."""
        return self.choice("AFTERSEND_ALLOW_HTTP", "0", ("0", "1")) == "1"

    def upstream_hosts(self) -> frozenset[str]:
        """Return the hosts of ``AFTERSEND_UPSTREAM_HOSTS``."""
        default = ",".join(sorted(UPSTREAM_HOSTS))
        return self.parsed("AFTERSEND_UPSTREAM_HOSTS", default, _hosts, "use names of hosts without port: a,b")


def parse_listen_address(text: str) -> ListenAddress | None:
    """Parse ``host:port`` or, for IPv6, ``[::1]:port``; None if it is neither."""
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname is None or parts.port is None or parts.path:
            return None
        return ListenAddress(parts.hostname, parts.port)
    except ValueError:
        return None


def _hosts(text: str) -> frozenset[str] | None:
    hosts = [host.strip().lower().removeprefix("[").removesuffix("]") for host in text.split(",")]
    return frozenset(hosts) if all(_HOST.fullmatch(host) or _is_ip(host) for host in hosts) else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_redis_url(text: str) -> str | None:
    """Return the text if it names a server and nothing else: a query could change the protocol, TLS included."""
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return text if named and _REDIS_PATH.fullmatch(parts.path) and not parts.query + parts.fragment else None
