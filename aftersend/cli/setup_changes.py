"""Change an integration part by part, and find out by reading it again what was changed.

A lost answer, a refusal and a success without effect all end here in the same way: what Sendcloud shows counts.
"""

from collections.abc import Sequence

from aftersend.cli.findings import Finding
from aftersend.cli.setup_plan import Change, changes_of, fields_of, is_done
from aftersend.errors import AftersendError, CredentialsRefused, Rejected
from aftersend.sendcloud.client import SendcloudClient
from aftersend.sendcloud.model import Integration, IntegrationChange

_BY_HAND = "enter it by hand: Sendcloud, Settings, Integrations, Configure; then run setup again"
_AGAIN = "run setup again: it does what is left"


async def change(
    client: SendcloudClient, before: Integration, parts: Sequence[IntegrationChange]
) -> tuple[list[Change], list[Finding], Integration | None]:
    """Make the changes, up to the first that fails; return what became of each field, and the integration as it is."""
    failed: tuple[IntegrationChange, AftersendError] | None = None
    for part in parts:
        try:
            await client.change_integration(before.id, part)
        except AftersendError as error:
            failed = part, error
            break
    try:
        now = next((each for each in await client.integrations() if each.id == before.id), None)
    except AftersendError as error:
        unknown = Finding("change", ok=False, message=f"what was changed cannot be read ({error})", cure=_AGAIN)
        return changes_of(parts, before, None), [unknown], None
    if now is None:
        return changes_of(parts, before, None), [_vanished(before)], None
    return changes_of(parts, before, now), _findings(parts, failed, now), now


def _vanished(before: Integration) -> Finding:
    return Finding("change", ok=False, message=f"integration {before.id} is not there any more", cure=_AGAIN)


def _findings(
    parts: Sequence[IntegrationChange], failed: tuple[IntegrationChange, AftersendError] | None, now: Integration
) -> list[Finding]:
    undone = [part for part in parts if not is_done(part, now)]
    if not undone:
        return []
    if failed and failed[0] is undone[0]:
        return [_explained(*failed)]
    message = f"Sendcloud accepted {fields_of(undone[0])}, but does not show it"
    return [Finding("change", ok=False, message=message, cure=f"wait a minute and run setup again; or {_BY_HAND}")]


def _explained(part: IntegrationChange, error: AftersendError) -> Finding:
    fields = fields_of(part)
    if isinstance(error, CredentialsRefused):
        message = f"these keys may not change {fields} ({error.code})"
    elif isinstance(error, Rejected):
        message = f"Sendcloud refuses {fields} ({error.code})"
    else:
        cure = f"{_AGAIN}; if it stays, {_BY_HAND}"
        return Finding("change", ok=False, message=f"no usable answer about {fields} ({error})", cure=cure)
    return Finding("change", ok=False, message=message, cure=_BY_HAND)
