"""Secrets as files: one projected volume per folder of ``/etc/aftersend/secrets``.

One volume per folder, so that a broken secret never keeps the others from being updated. Never by ``subPath``: such
files are not updated while the pod runs, and the processes re-read theirs.

The merchant's secrets are only referenced here; their values never pass through the operator, which cannot know what
keys they hold. So their keys are optional sources: a pod starts without one, and its service reports which are missing.
Generated secrets are required: a pod whose secret is missing waits, with an event that names it.
"""

from typing import Any, Final

from aftersend_operator.manifests.parts import SECRETS_DIR, TenantPart
from aftersend_operator.manifests.render_context import RenderContext

Volume = dict[str, Any]
_MODE: Final = 0o440
"""Readable by the pod's group, which ``fsGroup`` sets."""


def secret_volumes(context: RenderContext, part: TenantPart) -> list[Volume]:
    """Render the volumes of all folders that the part mounts; volume and folder have the same name."""
    spec = context.spec
    folders = {
        "afterbuy": _afterbuy(spec.afterbuy.credentials.secret_name) if part.afterbuy else [],
        "sendcloud": _sendcloud(spec.sendcloud.credentials.secret_name, part) if part.sendcloud else [],
        "redis": _managed_redis(context, part) if context.is_managed else _external_redis(context),
        "data-key": [] if part.only_seals else _data_key(context, part),
        "seal-key": [_source(context.name("seal-key"))] if part.only_seals else [],
        "webhook-tls": _webhook_certificate(context, part),
        "backup": _storage(context) if part.makes_backups else [],
    }
    return [
        {"name": name, "projected": {"defaultMode": _MODE, "sources": sources}}
        for name, sources in folders.items()
        if sources
    ]


def secret_mounts(volumes: list[Volume]) -> list[dict[str, Any]]:
    """Render the mounts of these volumes."""
    return [
        {"name": volume["name"], "mountPath": f"{SECRETS_DIR}/{volume['name']}", "readOnly": True} for volume in volumes
    ]


def _afterbuy(secret: str) -> list[Volume]:
    return [_optional(secret, "partnerToken", "accountToken", "partnerId")]


def _sendcloud(secret: str, part: TenantPart) -> list[Volume]:
    return [_optional(secret, *part.sendcloud, *(["webhookSignatureKey"] if part.signatures else []))]


def _managed_redis(context: RenderContext, part: TenantPart) -> list[Volume]:
    users = _source(context.name("redis-users"))
    users["secret"]["items"] = [
        {"key": f"{part.redis_user}.{field}", "path": field} for field in ("username", "password")
    ]
    return [users, _source(context.name("redis-tls"), "ca.crt")]


def _external_redis(context: RenderContext) -> list[Volume]:
    """Add the optional keys of the URL's secret; a URL with user and password needs none."""
    return [_optional(str(context.spec.redis.url_secret_name), "username", "password", "ca.crt")]


def _data_key(context: RenderContext, part: TenantPart) -> list[Volume]:
    keys = _source(context.name("data-key"))
    return [keys, _source(context.name("fingerprint"), "fingerprint")] if part.fingerprint else [keys]


def _webhook_certificate(context: RenderContext, part: TenantPart) -> list[Volume]:
    """Add the certificate of the public host, without its key: the webhook service reports when it expires."""
    secret = context.spec.webhook.tls_secret_name
    return [_optional(secret, "tls.crt")] if secret and part.serves_webhook else []


def _storage(context: RenderContext) -> list[Volume]:
    """Add what an S3 storage needs, and nothing else that its secret may hold; a backup without a key says so."""
    backup = context.spec.backup
    if backup.target == "volume" or not backup.credentials_secret_name:
        return []
    return [_optional(backup.credentials_secret_name, "accessKeyId", "secretAccessKey", "region", "endpoint")]


def _source(secret: str, *keys: str) -> Volume:
    """Project these keys of a secret, or all."""
    items = {"items": [{"key": key, "path": key} for key in keys]} if keys else {}
    return {"secret": {"name": secret, **items}}


def _optional(secret: str, *keys: str) -> Volume:
    source = _source(secret, *keys)
    source["secret"]["optional"] = True
    return source
