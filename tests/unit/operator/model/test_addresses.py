from dataclasses import replace
from typing import Any

import pytest

from aftersend.tenant.status import Status
from aftersend_operator.model.addresses import holder_of_address
from aftersend_operator.model.records import TenantRecord, tenant_record
from tests.support.operator_objects import live, tenant_document

ADDRESS = "https://hooks.example.com/webhooks/sendcloud"


def claim(name: str, created: str = "2026-11-26T10:00:00Z", *, shown: str = "", **webhook: Any) -> TenantRecord:
    document = tenant_document(name, webhook={"host": "hooks.example.com", **webhook})
    record = tenant_record(live(document, creationTimestamp=created, uid=f"uid-{name}"))
    return replace(record, status=Status(webhook_url=shown or None))


OLDER, YOUNGER = claim("older"), claim("younger", "2026-11-26T11:00:00Z")


@pytest.mark.parametrize(
    ("mine", "other", "holder"),
    [
        (YOUNGER, OLDER, "older"),
        (OLDER, YOUNGER, None),
        (claim("younger", "2026-11-26T11:00:00Z", shown=ADDRESS), OLDER, None),  # it has it already
        (OLDER, claim("younger", "2026-11-26T11:00:00Z", shown=ADDRESS), "younger"),
        (claim("b", shown=ADDRESS), claim("a", shown=ADDRESS), "a"),  # both, from a time when nothing was compared
        (YOUNGER, replace(OLDER, deleting=True), None),
        (YOUNGER, replace(OLDER, tenant=None), None),
        (YOUNGER, claim("older", path="/other"), None),
        (YOUNGER, claim("older", host="other.example.com"), None),
        (claim("younger", "2026-11-26T11:00:00Z", host=None), claim("older", host=None), None),
    ],
)
def test_an_address_belongs_to_the_tenant_that_has_it_or_else_to_the_oldest(
    mine: TenantRecord, other: TenantRecord, holder: str | None
) -> None:
    found = holder_of_address(mine, [other, mine])
    assert (found.key[1] if found else None) == holder


def test_a_tenant_that_cannot_be_read_claims_nothing() -> None:
    assert holder_of_address(replace(YOUNGER, tenant=None), [OLDER]) is None
