"""The parts of a tenant: command, credentials and upstreams of each, by least privilege.

==========  =======================================  ==========================  ==================
part        credentials                              data key                    calls
==========  =======================================  ==========================  ==================
exporter    Afterbuy, Sendcloud                      with fingerprint            Afterbuy, Sendcloud
webhook     Sendcloud: signature keys                 without                     none
writer      Afterbuy                                 with fingerprint            Afterbuy
export      none (requests a run on a stream)        without                     none
backup      none of the merchant's, those of S3      with fingerprint            S3
all         everything (compact topology)            with fingerprint            all of them
==========  =======================================  ==========================  ==================

Each has a Redis user of its own (``redis_acl``).
"""

from dataclasses import dataclass
from typing import Final

CONFIG_DIR: Final = "/etc/aftersend/config"
SECRETS_DIR: Final = "/etc/aftersend/secrets"
TENANT_FILE: Final = f"{CONFIG_DIR}/tenant.yaml"
BACKUPS_DIR: Final = "/backups"
SCRATCH_DIR: Final = "/tmp"  # noqa: S108 - in the pod's own memory
REDIS: Final = "redis"
"""Label and name of the managed Redis server, whose image is not ours."""


@dataclass(frozen=True, slots=True)
class TenantPart:
    """One part: what its pods run and may use."""

    name: str
    command: tuple[str, ...]
    redis_user: str
    afterbuy: bool = False
    sendcloud: tuple[str, ...] = ()
    """Required keys of the Sendcloud secret."""
    signatures: bool = False
    """Mounts the webhook signature key, if the merchant has one."""
    fingerprint: bool = False
    only_seals: bool = False
    """Mounts the public halves of the data keys instead of these."""
    serves_webhook: bool = False
    is_service: bool = True
    """Runs until SIGTERM and has an admin address; else a job."""
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
    "webhook",
    ("aftersend-webhook",),
    "webhook",
    sendcloud=("secretKey",),
    signatures=True,
    only_seals=True,
    serves_webhook=True,
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
    """Return the long-running parts."""
    return (ALL,) if topology == "compact" else SPLIT


def jobs(topology: str) -> tuple[TenantPart, ...]:
    """Return the scheduled parts; the one process of the compact topology has its own schedules."""
    return () if topology == "compact" else JOBS
