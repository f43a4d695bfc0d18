"""Secret references: the merchant's secrets that a tenant names, and the keys that they must hold."""

from aftersend.tenant.document import Tenant


def referenced_secrets(tenant: Tenant) -> dict[str, tuple[str, ...]]:
    """Return the required keys by name of the secret."""
    spec = tenant.spec
    wanted: list[tuple[str, tuple[str, ...]]] = [
        (spec.afterbuy.credentials.secret_name, ("partnerToken", "accountToken")),
        (spec.sendcloud.credentials.secret_name, ("publicKey", "secretKey")),
    ]
    if spec.redis.mode == "external" and spec.redis.url_secret_name:
        wanted.append((spec.redis.url_secret_name, ("url",)))
    if spec.backup.credentials_secret_name and spec.backup.target != "volume":
        wanted.append((spec.backup.credentials_secret_name, ()))
    found: dict[str, tuple[str, ...]] = {}
    for name, keys in wanted:
        found[name] = (*found.get(name, ()), *keys)
    return found
