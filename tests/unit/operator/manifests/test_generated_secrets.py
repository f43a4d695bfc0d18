"""Generated secrets: made once, never overwritten, renewed where that is safe; users and certificates in them."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509

from aftersend.sealing import Keyring, SealKeyring, UnknownKey
from aftersend.secrets import SecretFiles
from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.generated_secrets import (
    adopted_secrets,
    missing_secrets,
    redis_secrets_hash,
    renewed_certificate,
    renewed_seal_keys,
    renewed_users,
    seal_keys,
    secret_names,
)
from aftersend_operator.manifests.redis_acl import USERS, acl_file
from aftersend_operator.model.certificates import (
    AUTHORITY_LIFE,
    SERVER_LIFE,
    is_due,
    names_of,
    new_authority,
    new_server,
    outlives_server,
)
from aftersend_operator.model.naming import Manifest
from tests.support.operator_kit import UID, tenant

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
EXTERNAL = tenant(redis={"mode": "external", "urlSecretName": "u"})
PREFIX = "aftersend-mueller-"


def made(of: Tenant | None = None, existing: Mapping[str, Manifest] | None = None) -> dict[str, Manifest]:
    found = missing_secrets(of or tenant(), uid=UID, existing=existing or {}, now=NOW)
    return {secret["metadata"]["name"]: secret for secret in found}


def value(secrets: Mapping[str, Manifest], what: str, key: str) -> str:
    return base64.b64decode(secrets[f"{PREFIX}{what}"]["data"][key]).decode()


def applied(secrets: Mapping[str, Manifest], patch: Manifest) -> dict[str, Manifest]:
    """The secrets after a merge patch."""
    name = patch["metadata"]["name"]
    live = secrets[name]
    metadata = {**live["metadata"], **patch["metadata"]}
    merged = {key: text for key, text in {**live["data"], **patch.get("data", {})}.items() if text is not None}
    return {**secrets, name: {**live, "metadata": metadata, "data": merged}}


def test_a_new_tenant_gets_all_of_them() -> None:
    assert list(made()) == secret_names(tenant())
    keys = ["data-key", "fingerprint", "seal-key"]
    assert [name.removeprefix(PREFIX) for name in made()] == [*keys, "redis-users", "redis-tls"]
    assert [name.removeprefix(PREFIX) for name in made(EXTERNAL)] == keys


def test_what_exists_is_never_made_again() -> None:
    first = made()
    assert made(existing=first) == {}
    del first[f"{PREFIX}redis-tls"]
    assert list(made(existing=first)) == [f"{PREFIX}redis-tls"]


def test_every_tenant_gets_secrets_of_its_own() -> None:
    one, other = made(), made()
    for name, secret in one.items():
        same = [key for key, text in secret["data"].items() if other[name]["data"][key] == text]
        assert all(key.endswith(".username") for key in same)


def test_the_services_can_seal_with_the_data_key(tmp_path: Any) -> None:
    secrets = made()
    for what in ("data-key", "fingerprint"):
        for key in secrets[f"{PREFIX}{what}"]["data"]:
            (tmp_path / key).write_text(value(secrets, what, key))
    keyring = Keyring(SecretFiles(tmp_path))
    keyring.check(fingerprint=True)
    assert keyring.key_id() == "20261126"
    assert keyring.open(keyring.seal(b"x", bound=b"y"), bound=b"y") == b"x"


def held(secrets: Mapping[str, Manifest], what: str) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in secrets[f"{PREFIX}{what}"]["data"].items()}


def with_data(secrets: Mapping[str, Manifest], what: str, **data: str | bytes) -> dict[str, Manifest]:
    """The secrets with other contents in one of them; names without the leading letter."""
    name = f"{PREFIX}{what}"
    changed = {
        key[1:]: base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()
        for key, text in data.items()
    }
    return {**secrets, name: {**secrets[name], "data": changed}}


def renewed(secrets: Mapping[str, Manifest]) -> dict[str, bytes]:
    """The seal keys after as many passes as are needed, which is one at most."""
    patch = renewed_seal_keys(tenant(), existing=secrets)
    secrets = applied(secrets, patch) if patch else dict(secrets)
    assert renewed_seal_keys(tenant(), existing=secrets) is None
    return held(secrets, "seal-key")


def test_the_webhook_seals_what_the_writer_opens_and_holds_no_data_key(tmp_path: Any) -> None:
    secrets = made()
    for what in ("data-key", "seal-key"):
        (tmp_path / what).mkdir()
        for key, text in held(secrets, what).items():
            (tmp_path / what / key).write_bytes(text)
    webhook = SealKeyring(SecretFiles(tmp_path / "seal-key"), SecretFiles(tmp_path / "none"))
    sealed = webhook.seal(b"x", bound=b"y")
    assert Keyring(SecretFiles(tmp_path / "data-key")).open(sealed, bound=b"y", public=True) == b"x"
    with pytest.raises(UnknownKey):
        Keyring(SecretFiles(tmp_path / "none")).open(sealed, bound=b"y", public=True)
    assert not held(secrets, "data-key").items() & held(secrets, "seal-key").items()


def test_a_tenant_without_seal_keys_gets_those_of_its_data_keys() -> None:
    """As one that an older operator made."""
    old = {name: secret for name, secret in made().items() if not name.endswith("seal-key")}
    new = made(existing=old)
    assert list(new) == [f"{PREFIX}seal-key"]
    assert held(new, "seal-key") == seal_keys(held(old, "data-key"))
    assert renewed_seal_keys(tenant(), existing={**old, **new}) is None


KEY, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
HALF, OTHER_HALF = (seal_keys({"20261124": key.encode()})["20261124"] for key in (KEY, OTHER))


@pytest.mark.parametrize(
    ("data_keys", "seal_keys_before", "expected"),
    [
        ({"_20261124": KEY}, {"_20261124": HALF}, {"20261124": HALF}),
        ({"_20261124": KEY, "_20261201": OTHER}, {"_20261124": HALF}, {"20261124": HALF, "20261201": OTHER_HALF}),
        ({"_20261201": OTHER}, {"_20261124": HALF, "_20261201": OTHER_HALF}, {"20261201": OTHER_HALF}),
        ({"_20261124": OTHER}, {"_20261124": HALF}, {"20261124": OTHER_HALF}),
        ({"_20261124": f"{KEY}\n"}, {}, {"20261124": HALF}),
        ({"_20261124": KEY}, {"_20261124": b"planted", "_20991231": OTHER_HALF}, {"20261124": HALF}),
        ({"_20261124": "broken"}, {"_20261124": HALF}, {"20261124": HALF}),
        ({"_20261124": "broken", "_20261201": OTHER}, {"_20261124": HALF}, {"20261124": HALF, "20261201": OTHER_HALF}),
        ({"_20261124": KEY, "_README": KEY, "_2026": KEY}, {}, {"20261124": HALF}),
        ({"_20261124": b"\xff\xfe"}, {"_20261124": HALF}, {"20261124": HALF}),
    ],
)
def test_seal_keys_follow_the_data_keys(
    data_keys: dict[str, str], seal_keys_before: dict[str, bytes], expected: dict[str, bytes]
) -> None:
    secrets = with_data(with_data(made(), "data-key", **data_keys), "seal-key", **seal_keys_before)
    assert renewed(secrets) == expected


@pytest.mark.parametrize(("policy", "owners"), [("Retain", []), ("Delete", [UID])])
def test_the_deletion_policy_is_an_owner_or_none(policy: str, owners: list[str]) -> None:
    for secret in made(tenant(deletionPolicy=policy)).values():
        assert [owner["uid"] for owner in secret["metadata"].get("ownerReferences", [])] == owners
        assert secret["metadata"]["labels"]["aftersend.jj-ideenschmiede.de/tenant"] == "mueller"
        assert "aftersend.jj-ideenschmiede.de/tenant-uid" not in secret["metadata"]["labels"]


def test_a_changed_policy_and_a_later_tenant_change_owner_and_labels_only() -> None:
    kept = made()
    assert adopted_secrets(tenant(), uid="a later uid", existing=kept) == []
    going = tenant(deletionPolicy="Delete")
    patches = adopted_secrets(going, uid="a later uid", existing=kept)
    assert len(patches) == len(kept)
    assert not any("data" in patch for patch in patches)
    owned = kept
    for patch in patches:
        owned = applied(owned, patch)
    assert adopted_secrets(going, uid="a later uid", existing=owned) == []
    back = adopted_secrets(tenant(), uid="a later uid", existing=owned)
    assert [patch["metadata"]["ownerReferences"] for patch in back] == [[]] * len(kept)
    assert len(adopted_secrets(going, uid="yet another", existing=owned)) == len(kept)


def test_removed_labels_come_back() -> None:
    kept = made()
    del kept[f"{PREFIX}data-key"]["metadata"]["labels"]
    (patch,) = adopted_secrets(tenant(), uid=UID, existing=kept)
    assert patch["metadata"]["name"] == f"{PREFIX}data-key"


def test_the_acl_files_know_every_user_by_the_mark_of_his_password_only() -> None:
    secrets = made()
    for file in ("users.acl", "users-json.acl"):
        text = value(secrets, "redis-users", file)
        for user in USERS:
            password = value(secrets, "redis-users", f"{user}.password")
            assert value(secrets, "redis-users", f"{user}.username") == user
            assert f"user {user} reset on #{hashlib.sha256(password.encode()).hexdigest()} " in text
            assert password not in text
    assert ("json.get" in value(secrets, "redis-users", "users.acl")) is False
    assert ("json.get" in value(secrets, "redis-users", "users-json.acl")) is True


def test_users_get_keys_of_their_tenant_only() -> None:
    default, *others = acl_file(tenant(), dict.fromkeys(USERS, "x"), json=True).splitlines()
    assert default.startswith("user default reset off ")
    text = "\n".join(others)
    patterns = {word.partition("~")[2] for word in text.split() if word.startswith(("~", "%"))}
    assert patterns
    assert all(pattern.startswith("aftersend:{tenant-mueller.mueller}:") for pattern in patterns)
    assert "&" not in text
    assert not any(word.startswith("+@") for word in text.split())


def test_new_rights_and_users_come_without_new_passwords() -> None:
    secrets = made()
    assert renewed_users(tenant(), existing=secrets) is None
    name = f"{PREFIX}redis-users"
    older = {
        **secrets,
        name: {**secrets[name], "data": {**secrets[name]["data"], "users.acl": base64.b64encode(b"old").decode()}},
    }
    del older[name]["data"]["up.password"]
    patch = renewed_users(tenant(), existing=older)
    assert patch is not None
    assert patch["data"].keys() == {"users.acl", "users-json.acl", "up.password"}
    renewed = applied(older, patch)
    assert renewed_users(tenant(), existing=renewed) is None
    for user in set(USERS) - {"up"}:
        assert value(renewed, "redis-users", f"{user}.password") == value(secrets, "redis-users", f"{user}.password")
    assert redis_secrets_hash(tenant(), renewed) != redis_secrets_hash(tenant(), secrets)


def test_the_server_has_every_name_of_its_service() -> None:
    names = names_of(value(made(), "redis-tls", "tls.crt").encode())
    service = "aftersend-mueller-redis"
    inside = f"{service}.tenant-mueller"
    assert names == [service, inside, f"{inside}.svc", f"{inside}.svc.cluster.local", "localhost"]


@pytest.mark.parametrize(("days", "due"), [(0, False), (242, False), (244, True), (364, True), (400, True)])
def test_the_servers_certificate_is_renewed_at_two_thirds_of_its_life(days: int, due: bool) -> None:  # noqa: FBT001
    secrets = made()
    later = NOW + timedelta(days=days)
    patch = renewed_certificate(tenant(), existing=secrets, now=later)
    assert (patch is not None) is due
    assert is_due(value(secrets, "redis-tls", "tls.crt").encode(), now=later) is due
    if patch is None:
        return
    renewed = applied(secrets, patch)
    for key in ("ca.crt", "ca.key"):
        assert value(renewed, "redis-tls", key) == value(secrets, "redis-tls", key)
    assert redis_secrets_hash(tenant(), renewed) != redis_secrets_hash(tenant(), secrets)
    assert renewed_certificate(tenant(), existing=renewed, now=later) is None


def test_an_authority_near_its_end_is_replaced_with_the_certificate() -> None:
    secrets = made()
    later = NOW + AUTHORITY_LIFE - timedelta(days=100)
    patch = renewed_certificate(tenant(), existing=secrets, now=later)
    assert patch is not None
    renewed = applied(secrets, patch)
    authority = value(renewed, "redis-tls", "ca.crt").encode()
    assert authority.decode() != value(secrets, "redis-tls", "ca.crt")
    assert outlives_server(authority, now=later)


@pytest.mark.parametrize("broken", ["tls.crt", "ca.crt", "ca.key"])
@pytest.mark.parametrize("how", ["gone", "garbage"])
def test_certificates_that_a_person_broke_are_made_anew(broken: str, how: str) -> None:
    secrets = made()
    data = secrets[f"{PREFIX}redis-tls"]["data"]
    data["tls.crt"] = data["tls.crt"] if broken == "tls.crt" else base64.b64encode(b"old").decode()
    if how == "gone":
        del data[broken]
    else:
        data[broken] = base64.b64encode(b"no certificate").decode()
    patch = renewed_certificate(tenant(), existing=secrets, now=NOW)
    assert patch is not None
    renewed = applied(secrets, patch)
    assert renewed_certificate(tenant(), existing=renewed, now=NOW) is None
    assert ("ca.crt" in data and value(renewed, "redis-tls", "ca.crt") == value(secrets, "redis-tls", "ca.crt")) is (
        broken == "tls.crt"
    )


def test_nothing_is_renewed_that_does_not_exist() -> None:
    assert renewed_certificate(tenant(), existing={}, now=NOW) is None
    assert renewed_users(tenant(), existing={}) is None
    assert adopted_secrets(tenant(), uid=UID, existing={}) == []


def test_a_certificate_says_what_it_is_for() -> None:
    authority = new_authority("Aftersend mueller", now=NOW)
    server = x509.load_pem_x509_certificate(new_server(authority, ["redis.test"], now=NOW).certificate)
    signer = x509.load_pem_x509_certificate(authority.certificate)
    server.verify_directly_issued_by(signer)
    assert server.not_valid_before_utc < NOW < server.not_valid_after_utc == NOW + SERVER_LIFE
    constraints = [c.extensions.get_extension_for_class(x509.BasicConstraints) for c in (signer, server)]
    assert [(found.critical, found.value.ca) for found in constraints] == [(True, True), (True, False)]
    usages = [c.extensions.get_extension_for_class(x509.KeyUsage).value for c in (signer, server)]
    assert [usage.key_cert_sign for usage in usages] == [True, False]
    assert "PRIVATE" not in repr(authority)


def test_the_mark_of_redis_knows_neither_passwords_nor_keys() -> None:
    secrets = made()
    before = redis_secrets_hash(tenant(), secrets)
    assert before == redis_secrets_hash(tenant(), secrets)
    for what, key in (("redis-users", "writer.password"), ("redis-tls", "tls.key"), ("redis-tls", "ca.key")):
        changed = {**secrets, f"{PREFIX}{what}": {"data": {**secrets[f"{PREFIX}{what}"]["data"], key: "eA=="}}}
        assert redis_secrets_hash(tenant(), changed) == before
