"""The parts of a tenant: what each runs, and the least that it gets to see.

==========  =======================================  ==========================  ==================
part        credentials                              data key                    calls
==========  =======================================  ==========================  ==================
exporter    Afterbuy, Sendcloud                      with fingerprint            Afterbuy, Sendcloud
webhook     Sendcloud: what may sign                 without                     nobody
writer      Afterbuy                                 with fingerprint            Afterbuy
export      none (asks the exporter for a run)       without                     nobody
backup      none of the merchant's, those of S3      with fingerprint            S3
all         everything (compact topology)            with fingerprint            all of them
==========  =======================================  ==========================  ==================

Redis knows each of them by a user of its own (``acl``).
"""

from dataclasses import dataclass
from typing import Final

CONFIG_DIR: Final = "/etc/aftersend/config"
SECRETS_DIR: Final = "/etc/aftersend/secrets"
TENANT_FILE: Final = f"{CONFIG_DIR}/tenant.yaml"
BACKUPS_DIR: Final = "/backups"
SCRATCH_DIR: Final = "/tmp"  # noqa: S108 - the pod's own memory, nobody else's
REDIS: Final = "redis"
"""The part that is not ours: the managed server."""


@dataclass(frozen=True, slots=True)
class TenantPart:
    """One kind of pod."""

    name: str
    command: tuple[str, ...]
    redis_user: str
    afterbuy: bool = False
    sendcloud: tuple[str, ...] = ()
    """Keys of the Sendcloud secret that must be there."""
    signatures: bool = False
    """Gets the webhook signature key, if the merchant has one."""
    fingerprint: bool = False
    serves_webhook: bool = False
    is_service: bool = True
    """Runs until it is told to end, with an admin address."""
    calls: tuple[str, ...] = ()
    """Upstreams that it calls."""
    makes_backups: bool = False


_TRIGGER: Final = ("aftersend", "trigger", "export", "--wait", "--timeout", "900", "--jitter", "--json")
_REPORT: Final = ("--report", "/dev/termination-log")
EXPORTER: Final = TenantPart(
    "exporter",
    ("aftersend-exporter",),
    "exporter",
    afterbuy=True,
    sendcloud=("publicKey", "secretKey"),
    fingerprint=True,
    calls=("afterbuy", "sendcloud"),
)
WEBHOOK: Final = TenantPart(
    "webhook", ("aftersend-webhook",), "webhook", sendcloud=("secretKey",), signatures=True, serves_webhook=True
)
WRITER: Final = TenantPart(
    "writer", ("aftersend-writer",), "writer", afterbuy=True, fingerprint=True, calls=("afterbuy",)
)
ALL: Final = TenantPart(
    "all",
    ("aftersend", "up", "-f", TENANT_FILE, "--data-dir", f"{SCRATCH_DIR}/aftersend"),
    "up",
    afterbuy=True,
    sendcloud=("publicKey", "secretKey"),
    signatures=True,
    fingerprint=True,
    serves_webhook=True,
    calls=("afterbuy", "sendcloud"),
    makes_backups=True,
)
EXPORT: Final = TenantPart("export", (*_TRIGGER, *_REPORT), "trigger", is_service=False)
BACKUP: Final = TenantPart(
    "backup",
    ("aftersend", "backup", "create", "--jitter", "--json", *_REPORT),
    "backup",
    fingerprint=True,
    is_service=False,
    makes_backups=True,
)
SPLIT: Final = (EXPORTER, WEBHOOK, WRITER)
JOBS: Final = (EXPORT, BACKUP)


def services(topology: str) -> tuple[TenantPart, ...]:
    """The parts that run all the time."""
    return (ALL,) if topology == "compact" else SPLIT


def jobs(topology: str) -> tuple[TenantPart, ...]:
    """The parts that run by the clock; the one process of the compact topology has its own schedules."""
    return () if topology == "compact" else JOBS
