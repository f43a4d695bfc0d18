"""Generated secrets: data key, fingerprint key, seal key, Redis' users and certificates.

Each is created once and never overwritten: a new data key would make everything unreadable that the old one sealed. So
an existing object wins. Only four things change later: the seal keys, which are the public halves of the data keys and
follow them; the server certificate near its end; the ACL texts when a newer operator grants other rights (passwords
stay); and labels and owner, which follow ``deletionPolicy`` and the adoption by a later tenant of the same name.

====================  =========================================================================================
secret                keys
====================  =========================================================================================
``…-data-key``        one per data key, named by its day (rotation adds more)
``…-fingerprint``     ``fingerprint``; apart from the data keys because the export job gets those and not this
``…-seal-key``        the public half of each data key, under its name: all that the webhook gets
``…-redis-users``     ``<user>.username``, ``<user>.password``, ``users.acl``, ``users-json.acl``
``…-redis-tls``       ``ca.crt``, ``ca.key``, ``tls.crt``, ``tls.key``
====================  =========================================================================================
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Final

from aftersend.key_agreement import public_half
from aftersend.key_folder import decoded, is_key_name
from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.redis_acl import USERS, acl_file
from aftersend_operator.model.certificates import KeyPair, is_due, names_of, new_authority, new_server, outlives_server
from aftersend_operator.model.naming import Manifest, child_name, kept_labels, namespace_of, owner_reference

KEYS: Final = ("data-key", "fingerprint", "seal-key")
SECRETS: Final = (*KEYS, "redis-users", "redis-tls")
PLAIN_ACL: Final = "users.acl"
JSON_ACL: Final = "users-json.acl"
_PARTS: Final = {**dict.fromkeys(KEYS, "data-key"), "redis-users": "redis", "redis-tls": "redis"}


def secret_names(tenant: Tenant) -> list[str]:
    """Return the names of the secrets that the tenant needs."""
    return [child_name(tenant, what) for what in _wanted(tenant)]


def key_names(tenant: Tenant) -> list[str]:
    """Return the names of those that cannot be generated again: what they protect would be lost."""
    return [child_name(tenant, what) for what in ("data-key", "fingerprint")]


def missing_secrets(tenant: Tenant, *, uid: str, existing: Mapping[str, Manifest], now: datetime) -> list[Manifest]:
    """Render the secrets to create, with contents; ``existing`` are those of ``secret_names`` that exist, by name."""
    secrets: dict[str, Manifest] = {}
    for what in _wanted(tenant):
        if child_name(tenant, what) not in existing:
            held = _held(tenant, "data-key", {**existing, **secrets})
            data = seal_keys(held) if what == "seal-key" else _contents(tenant, what, now)
            frame = _frame(tenant, uid, what)
            secrets[frame["metadata"]["name"]] = {**frame, "type": "Opaque", "data": _encoded(data)}
    return list(secrets.values())


def seal_keys(data_keys: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the public half of each data key, as the webhook reads it; what is no key has none."""
    keys = {name: decoded(text.decode(errors="replace").rstrip()) for name, text in data_keys.items()}
    return {
        name: base64.b64encode(public_half(key)) for name, key in keys.items() if key is not None and is_key_name(name)
    }


def renewed_seal_keys(tenant: Tenant, *, existing: Mapping[str, Manifest]) -> Manifest | None:
    """Return a merge patch if the seal keys are not those of the data keys, else None.

    The seal key of a data key that is there but broken stays: its services go on with the one that they loaded.
    """
    data_keys, held = (_held(tenant, what, existing) for what in ("data-key", "seal-key"))
    wanted = seal_keys(data_keys)
    changed: dict[str, Any] = _encoded({name: key for name, key in wanted.items() if held.get(name) != key})
    changed |= dict.fromkeys(held.keys() - data_keys.keys()) if wanted else {}
    return _patch(tenant, "seal-key", changed) if changed else None


def renewed_certificate(tenant: Tenant, *, existing: Mapping[str, Manifest], now: datetime) -> Manifest | None:
    """Return a merge patch if the server certificate is near its end or unusable, else None."""
    held = _held(tenant, "redis-tls", existing)
    if not held or _is_good(held, tenant, now):
        return None
    return _patch(tenant, "redis-tls", _encoded(_tls(_authority(held, tenant, now), tenant, now)))


def renewed_users(tenant: Tenant, *, existing: Mapping[str, Manifest]) -> Manifest | None:
    """Return a merge patch if the ACL texts differ from those of this operator, else None."""
    held = _held(tenant, "redis-users", existing)
    if not held:
        return None
    wanted = _users(
        tenant, {user: held[key].decode(errors="replace") for user in USERS if (key := f"{user}.password") in held}
    )
    changed = {key: value for key, value in wanted.items() if held.get(key) != value}
    return _patch(tenant, "redis-users", _encoded(changed)) if changed else None


def adopted_secrets(tenant: Tenant, *, uid: str, existing: Mapping[str, Manifest]) -> list[Manifest]:
    """Return merge patches of labels and owner for secrets that do not match the tenant's ``deletionPolicy``."""
    patches = []
    for what in _wanted(tenant):
        found = existing.get(child_name(tenant, what))
        metadata = _frame(tenant, uid, what)["metadata"]
        metadata.setdefault("ownerReferences", [])
        if found and not _follows(found["metadata"], metadata):
            patches.append({**_patch(tenant, what, {}), "metadata": metadata})
    return patches


def redis_secrets_hash(tenant: Tenant, existing: Mapping[str, Manifest]) -> str:
    """Hash what Redis reads at its start only, users and certificate; no secret can be derived from it."""
    held = _held(tenant, "redis-users", existing) | _held(tenant, "redis-tls", existing)
    digest = hashlib.sha256()
    for key in (PLAIN_ACL, JSON_ACL, "ca.crt", "tls.crt"):
        digest.update(held.get(key, b"") + b"\0")
    return digest.hexdigest()[:16]


def _wanted(tenant: Tenant) -> tuple[str, ...]:
    return SECRETS if tenant.spec.redis.mode == "managed" else KEYS


def _contents(tenant: Tenant, what: str, now: datetime) -> dict[str, bytes]:
    match what:
        case "data-key":
            return {now.strftime("%Y%m%d"): _new_key()}
        case "fingerprint":
            return {"fingerprint": _new_key()}
        case "redis-users":
            return _users(tenant, {})
        case _:
            return _tls(new_authority(_authority_name(tenant), now=now), tenant, now)


def _new_key() -> bytes:
    """Generate 32 bytes in padded base64, as the services read them."""
    return base64.b64encode(os.urandom(32))


def _users(tenant: Tenant, known: Mapping[str, str]) -> dict[str, bytes]:
    passwords = {user: known.get(user) or token_urlsafe(32) for user in USERS}
    texts = {
        **{f"{user}.username": user for user in USERS},
        **{f"{user}.password": password for user, password in passwords.items()},
        PLAIN_ACL: acl_file(tenant, passwords, json=False),
        JSON_ACL: acl_file(tenant, passwords, json=True),
    }
    return {key: text.encode() for key, text in texts.items()}


def _tls(authority: KeyPair, tenant: Tenant, now: datetime) -> dict[str, bytes]:
    server = new_server(authority, _dns_names(tenant), now=now)
    return {
        "ca.crt": authority.certificate,
        "ca.key": authority.key,
        "tls.crt": server.certificate,
        "tls.key": server.key,
    }


def _is_good(held: Mapping[str, bytes], tenant: Tenant, now: datetime) -> bool:
    """Return False for a certificate to renew, an unreadable one included."""
    try:
        return names_of(held["tls.crt"]) == _dns_names(tenant) and not is_due(held["tls.crt"], now=now)
    except (KeyError, ValueError):
        return False


def _authority(held: Mapping[str, bytes], tenant: Tenant, now: datetime) -> KeyPair:
    """Return the existing authority if it is usable and outlives a new certificate, else a new one."""
    try:
        authority = KeyPair(held["ca.crt"], held["ca.key"])
        new_server(authority, ["test"], now=now)
        if outlives_server(authority.certificate, now=now):
            return authority
    except (KeyError, ValueError, TypeError):
        pass
    return new_authority(_authority_name(tenant), now=now)


def _authority_name(tenant: Tenant) -> str:
    return f"Aftersend {tenant.metadata.name}"


def _dns_names(tenant: Tenant) -> list[str]:
    service = child_name(tenant, "redis")
    inside = f"{service}.{namespace_of(tenant)}"
    return [service, inside, f"{inside}.svc", f"{inside}.svc.cluster.local", "localhost"]


def _frame(tenant: Tenant, uid: str, what: str) -> Manifest:
    metadata: dict[str, Any] = {
        "name": child_name(tenant, what),
        "namespace": namespace_of(tenant),
        "labels": kept_labels(tenant, _PARTS[what]),
    }
    if tenant.spec.deletion_policy == "Delete":
        metadata["ownerReferences"] = [owner_reference(tenant, uid)]
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}


def _patch(tenant: Tenant, what: str, data: Mapping[str, str | None]) -> Manifest:
    metadata = {"name": child_name(tenant, what), "namespace": namespace_of(tenant)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **({"data": data} if data else {})}


def _follows(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    labels = found.get("labels") or {}
    owners = [owner.get("uid") for owner in found.get("ownerReferences") or []]
    return wanted["labels"].items() <= labels.items() and owners == [it["uid"] for it in wanted["ownerReferences"]]


def _held(tenant: Tenant, what: str, existing: Mapping[str, Manifest]) -> dict[str, bytes]:
    data = existing.get(child_name(tenant, what), {}).get("data") or {}
    return {key: base64.b64decode(value) for key, value in data.items()}


def _encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in data.items()}
