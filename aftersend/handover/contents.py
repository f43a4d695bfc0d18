"""What a merchant seals: one JSON document with a version, the tenant, the time, and the keys of both sides.

    {"v": 1, "tenant": "mueller", "created": "2026-11-29T10:00:00Z",
     "afterbuy":  {"partnerToken": …, "accountToken": …, "partnerId": …},
     "sendcloud": {"publicKey": …, "secretKey": …, "webhookSignatureKey": …}}

The names are those of the secret files. Errors name what is wrong, never a value.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from aftersend.errors import Misconfigured
from aftersend.printable import printable
from aftersend.tenant.fields import Name
from aftersend.undecodable import UNDECODABLE

VERSION: Final = 1
OLDEST: Final = timedelta(days=14)
_CLOCKS_DIFFER: Final = timedelta(days=1)
_AGAIN: Final = "let the merchant fill in the page again"

Key = Annotated[str, Meta(pattern=r"^[!-~]{1,200}\Z")]
"""One value: printable ASCII without white space."""


class AfterbuyKeys(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """SealedCredentials of Afterbuy."""

    partner_token: Key
    account_token: Key
    partner_id: Annotated[str, Meta(pattern=r"^[0-9]{0,20}\Z")] = ""


class SendcloudKeys(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """SealedCredentials of Sendcloud, and the key that its webhooks are signed with."""

    public_key: Key
    secret_key: Key
    webhook_signature_key: Annotated[str, Meta(pattern=r"^[!-~]{16,200}\Z")]


class SealedCredentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document; ``files`` are its values by folder and name."""

    v: int
    tenant: Name
    created: datetime
    afterbuy: AfterbuyKeys
    sendcloud: SendcloudKeys

    def __repr__(self) -> str:
        """Show no value."""
        return f"SealedCredentials(tenant={self.tenant!r})"

    def files(self) -> dict[str, dict[str, str]]:
        """Return the secret files: folder, name, value."""
        parts = {"afterbuy": self.afterbuy, "sendcloud": self.sendcloud}
        return {folder: msgspec.to_builtins(keys) for folder, keys in parts.items()}


class _Versioned(msgspec.Struct):
    v: int


def read_credentials(plain: bytes, *, tenant: str, now: datetime, force: bool = False) -> SealedCredentials:
    """Parse an opened document; ``Misconfigured`` if it is another tenant's, too old, or not understood."""
    try:
        version = msgspec.json.decode(plain, type=_Versioned).v
        if version != VERSION:
            cure = "use a newer aftersend, or let the merchant fill in a page of this one"
            raise Misconfigured(f"the text has version {version}, this program knows {VERSION}", cure=cure)
        found = msgspec.json.decode(plain, type=SealedCredentials)
    except UNDECODABLE as error:
        raise Misconfigured("no credentials are in it", path=_path(error), cure=_AGAIN) from None
    _check(found, tenant=tenant, now=now, force=force)
    return found


def _check(found: SealedCredentials, *, tenant: str, now: datetime, force: bool) -> None:
    if found.tenant != tenant:
        cure = "name the right tenant, or ask for the right text"
        raise Misconfigured(f"the text is for the tenant {found.tenant}, not for {printable(tenant)}", cure=cure)
    if found.created.tzinfo is None or found.created > now + _CLOCKS_DIFFER:
        raise Misconfigured("the text comes from the future", path="created", cure=f"{_AGAIN}, with the right date")
    age = now - found.created
    if age > OLDEST and not force:
        cure = f"{_AGAIN}, or add --force if you know why it took so long"
        raise Misconfigured(f"the text is {age.days} days old, more than {OLDEST.days}", cure=cure)


def _path(error: Exception) -> str:
    """Return where msgspec stopped; its text may quote the value, its path never does."""
    where = str(error).rpartition(" - at `")[2]
    return where.rstrip("`").removeprefix("$.") if where.startswith("$") else ""
