"""The tenants that ``aftersend up`` serves, decided before anything starts.

Each tenant document becomes a ``ServedTenant`` with settings of its own. A tenant that cannot be served (document,
addresses or secrets) is left out with one clear text, so that a mistake in one shop does not stop the others. No tenant
left is an error. With several documents, secrets are expected below ``<secrets>/<tenant>`` and the tenant is appended
to its webhook path; that depends on how many were named, not on how many are usable.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aftersend.cli.exit_codes import print_error
from aftersend.cli.tenant_context import TenantLocation
from aftersend.errors import Misconfigured
from aftersend.key_files import make_data_keys, write_seal_keys
from aftersend.secrets import SecretFiles
from aftersend.settings import Settings, read_settings
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import load_tenant
from aftersend.tenant.upstream_urls import check_upstream_urls

REQUIRED = (
    ("afterbuy", "partnerToken"),
    ("afterbuy", "accountToken"),
    ("sendcloud", "publicKey"),
    ("sendcloud", "secretKey"),
)


@dataclass(frozen=True, slots=True)
class UpPlan:
    """The options of ``aftersend up``."""

    files: tuple[Path, ...]
    data_dir: Path
    secrets_dir: Path
    redis_url: str = ""
    backup_target: str = ""


@dataclass(frozen=True, slots=True)
class ServedTenant:
    """One tenant that can be served."""

    tenant: Tenant
    settings: Settings
    location: TenantLocation

    def with_redis(self, url: str, secrets: Path) -> "ServedTenant":
        """Copy the tenant with the address of the embedded Valkey."""
        return replace(
            self,
            settings=replace(self.settings, redis_url=url),
            location=replace(self.location, redis_url=url, redis_secrets=secrets),
        )


def served_tenants(plan: UpPlan, environ: Mapping[str, str] = os.environ) -> list[ServedTenant]:
    """List the tenants that can be served; raise ``Misconfigured`` for wrong settings and if none is left."""
    settings = _settings(plan, environ)
    plan.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    tenants: dict[str, ServedTenant] = {}
    for file in plan.files:
        try:
            served = _served_tenant(plan, settings, file)
            if served.tenant.identity in tenants:
                raise Misconfigured(f"{file}: tenant {served.tenant.identity} is named twice")  # noqa: TRY301 - as others
        except Misconfigured as error:
            print_error(f"left out: {error}")
        else:
            tenants[served.tenant.identity] = served
    if not tenants:
        raise Misconfigured("there is no tenant to serve", cure="correct what is named above")
    return list(tenants.values())


def _settings(plan: UpPlan, environ: Mapping[str, str]) -> Settings:
    """Read the environment, with the options of the command line in its place."""
    return read_settings(
        {
            "AFTERSEND_ADMIN_LISTEN": "127.0.0.1:9090",
            "AFTERSEND_SCHEDULER": "all",
            **environ,
            "AFTERSEND_TENANT_FILE": str(plan.files[0]),
            "AFTERSEND_SECRETS_DIR": str(plan.secrets_dir),
            "AFTERSEND_BACKUP_TARGET": _absolute(plan.backup_target),
            "AFTERSEND_REDIS_URL": plan.redis_url or "redis://127.0.0.1:1/0",  # Valkey's own port comes later
        }
    )


def _absolute(target: str) -> str:
    """Make a directory absolute: other commands run in other working directories."""
    return str(Path(target).absolute()) if target and "://" not in target else target


def _served_tenant(plan: UpPlan, settings: Settings, file: Path) -> ServedTenant:
    tenant = load_tenant(file)
    check_upstream_urls(tenant, allow_http=settings.allow_http, hosts=settings.upstream_hosts)
    secrets = plan.secrets_dir
    if len(plan.files) > 1:
        secrets /= tenant.identity
        tenant = tenant.with_webhook_path(f"{tenant.spec.webhook.path.rstrip('/')}/{tenant.identity}")
    _require(secrets)
    _make_keys(secrets)
    own = replace(settings, tenant_file=file, secrets_dir=secrets)
    location = TenantLocation(
        tenant=tenant,
        redis_url=own.redis_url,
        secrets_dir=secrets,
        redis_secrets=secrets / "redis",
        backup_target=own.backup_target,
    )
    return ServedTenant(tenant=tenant, settings=own, location=location)


def _require(secrets: Path) -> None:
    """Refuse a tenant without the files that a person has to make; what is in them may change while it is served."""
    folders = [(SecretFiles(secrets / folder), key) for folder, key in REQUIRED]
    if missing := [files.name(key) for files, key in folders if not _may_come(files, key)]:
        raise Misconfigured(f"secrets are missing in {secrets}: {', '.join(missing)}", cure="one file per key")
    if empty := [name for files, key in folders for name in files.missing(key)]:
        print_error(f"empty or unreadable in {secrets}: {', '.join(empty)} – what needs them waits for them")


def _may_come(files: SecretFiles, key: str) -> bool:
    return files.is_mounted or (files.folder / key).exists()


def _make_keys(secrets: Path) -> None:
    folder = SecretFiles(secrets / "data-key")
    try:
        make_data_keys(folder.folder)
    except OSError as error:
        if not folder.is_mounted:
            raise Misconfigured(
                f"no data key can be made in {secrets} ({type(error).__name__})", cure="make the folder writable once"
            ) from None
    update_seal_keys(secrets)


def update_seal_keys(secrets: Path) -> None:
    """Bring the webhook's seal keys in line with the data keys; where the folder is read-only, it derives them."""
    with suppress(OSError, Misconfigured):
        write_seal_keys(secrets)


def summary(tenants: list[ServedTenant], *, admin_port: int) -> Iterator[str]:
    """Describe each tenant: schedules, webhook address, and what to enter in Sendcloud."""
    listen = tenants[0].settings.listen
    for served in tenants:
        spec = served.tenant.spec
        path = spec.webhook.path
        public = f"https://{spec.webhook.host or '<your public host>'}{path}"
        state = (
            "suspended" if spec.suspend else f"exports at '{spec.export.schedule}', sweeps at '{spec.sweep.schedule}'"
        )
        yield f"{served.tenant.identity}: {state} ({spec.time_zone})"
        yield f"  webhook on port {listen.port}{path}; in Sendcloud (Settings, Integrations, Configure) enter {public}"
    yield f"metrics and probes on 127.0.0.1:{admin_port}/metrics; end with Ctrl-C"
