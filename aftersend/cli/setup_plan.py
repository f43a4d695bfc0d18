"""What ``setup`` enters in Sendcloud, and what is left to the merchant. Pure.

    integration as it is + the document ──> parts (one PATCH each: name; webhook; feedback) ──> changes, field by field

A part is wanted only where the integration differs, so a second run finds none. The address and the switch of a webhook
are one part: Sendcloud refuses the switch without an address.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import UNSET

from aftersend.cli.upstream_checks import check_webhook, matching
from aftersend.sendcloud.credentials import SignatureKeys
from aftersend.sendcloud.model import Integration, IntegrationChange
from aftersend.tenant.document import Spec


class Change(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    """One field of the integration: what it is and what it becomes; ``done`` is null if that could not be read."""

    field: str
    before: str | bool
    after: str | bool
    done: bool | None = False

    def __str__(self) -> str:
        """Show it as a person would say it."""
        return f"{self.field}: {_shown(self.before)} -> {_shown(self.after)}"


def find_integration(known: list[Integration], wanted: str | int) -> list[Integration]:
    """Find the integration that the document means.

    If none has its name, but the account has a single API integration, it must be the one that the keys belong to, and
    it is given that name.
    """
    of_api = [each for each in known if each.type == "api"]
    found = matching(known, wanted)
    return found or (of_api if isinstance(wanted, str) and len(of_api) == 1 else [])


def wanted_parts(integration: Integration, spec: Spec, address: str, *, allow_http: bool) -> list[IntegrationChange]:
    """Return what has to be changed, in the order in which it is done."""
    parts = []
    name = spec.sendcloud.integration
    if isinstance(name, str) and not matching([integration], name):
        parts.append(IntegrationChange(shop_name=name))
    if address and not check_webhook(integration, spec, allow_http=allow_http).ok:
        parts.append(IntegrationChange(webhook_url=address, webhook_active=True))
    if integration.feedback_type == "none":
        parts.append(IntegrationChange(feedback_type="eager"))
    return parts


def changes_of(parts: Iterable[IntegrationChange], before: Integration, now: Integration | None) -> list[Change]:
    """List every field that changes; done is what ``now`` shows (None: it could not be read)."""
    return [
        Change(
            field=field,
            before=_without_keys(getattr(before, field)),
            after=after,
            done=None if now is None else getattr(now, field) == after,
        )
        for part in parts
        for field, after in _fields(part)
        if getattr(before, field) != after
    ]


def is_done(part: IntegrationChange, now: Integration) -> bool:
    """Return whether the integration shows all fields of a part."""
    return all(getattr(now, field) == after for field, after in _fields(part))


def fields_of(part: IntegrationChange) -> str:
    """Name the fields of a part."""
    return ", ".join(field for field, _ in _fields(part))


def _fields(part: IntegrationChange) -> Iterator[tuple[str, str | bool]]:
    for field in part.__struct_fields__:
        if (value := getattr(part, field)) is not UNSET:
            yield field, value


def _without_keys(value: str | bool) -> str | bool:
    """Leave out query, user and fragment of an address: another program may keep a key there."""
    if not isinstance(value, str) or "://" not in value:
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return "an unreadable address"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "…" if parts.query else "", ""))


def _shown(value: str | bool) -> str:
    return {True: "on", False: "off", "": "nothing"}.get(value, str(value))


def merchant_steps(spec: Spec, keys: SignatureKeys) -> list[str]:
    """List what no call can do: it stays with the merchant, who has the two panels open."""
    tags = spec.write_back.tags
    steps = [
        f'Afterbuy, Einstellungen, Tag-Manager: make the tag "{tag}" (no call shows whether it exists)' for tag in tags
    ]
    if keys.usable:
        steps.append(
            "Sendcloud, Settings, Integrations, Configure: enter the Webhook Signature Key that is in the secrets (no "
            'call sets it), then press "Test API Webhook"'
        )
    return [
        *steps,
        'Afterbuy, Managementcenter, Vertriebskanäle, eigener Onlineshop: keep "Schnittstelle zu Afterbuy" ordered',
        "Afterbuy, Partnereinstellungen: keep the API newsletter on, changes of the interface come by it",
    ]
