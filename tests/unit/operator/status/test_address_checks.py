"""What the webhook's public address needs and the cluster does not have."""

from typing import Any

import pytest

from aftersend_operator.api.errors import ApiRefusal
from aftersend_operator.api.metadata_list import MetadataList
from aftersend_operator.model.kinds import Kind
from aftersend_operator.status.address_checks import INGRESS_CLASS, LIST_SECONDS, IngressClasses, address_faults
from tests.support.operator_api import NAMESPACE, OperatorInMemory
from tests.support.operator_objects import live, recorded_tenant

INGRESS = {"host": "hooks.example", "ingressClassName": "nginx", "tlsSecretName": "hooks-tls"}
ROUTE = {"host": "hooks.example", "gateway": "gateways/public"}
NO_CLASS = "ingress class nginx does not exist: set spec.webhook.ingressClassName to one of kubectl get ingressclass"
NO_SECRET = "kubectl -n shops create secret tls hooks-tls --cert=… --key=…"
NO_KIND = "the cluster serves no HTTPRoute: install the Gateway API"


@pytest.mark.parametrize(
    ("webhook", "secrets", "classes", "kinds", "said"),
    [
        ({}, [], [], [], []),
        (INGRESS, ["hooks-tls"], ["nginx"], [], []),
        (INGRESS, ["hooks-tls"], ["traefik"], [], [NO_CLASS]),
        (INGRESS, ["hooks-tls"], None, [], []),
        (INGRESS, [], ["nginx"], [], [NO_SECRET]),
        (INGRESS, [], [], [], [NO_CLASS, NO_SECRET]),
        (ROUTE, [], None, ["HTTPRoute"], []),
        (ROUTE, [], None, ["PodMonitor"], [NO_KIND]),
    ],
)
def test_what_is_missing_is_one_fault_that_blocks_nothing(
    webhook: dict[str, Any], secrets: list[str], classes: list[str] | None, kinds: list[str], said: list[str]
) -> None:
    tenant = recorded_tenant(webhook=webhook).tenant
    assert tenant is not None
    faults = list(address_faults(tenant, {("shops", name) for name in secrets}, classes, kinds))
    assert [fault.blocks for fault in faults] == [False] * bool(said)
    assert all(text in faults[0].message for text in said)
    assert sum(text in fault.message for fault in faults for text in (NO_CLASS, NO_SECRET, NO_KIND)) == len(said)


class Classes:
    """An API server with one class, or with a role that may not list them."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.calls, self.refuses = 0, refuses

    async def list_metadata(self, kind: Kind, namespace: str, chosen: Any) -> MetadataList:
        assert (kind, namespace, chosen) == (INGRESS_CLASS, "", {})
        self.calls += 1
        if self.refuses:
            raise ApiRefusal("403 Forbidden")
        return MetadataList(version=1, present={("", "nginx"): 1})


@pytest.mark.parametrize("refuses", [False, True])
async def test_classes_are_listed_for_all_tenants_together_and_unknown_without_the_right(*, refuses: bool) -> None:
    api, now = Classes(refuses=refuses), [0.0]
    classes = IngressClasses(api, clock=lambda: now[0])  # type: ignore[arg-type]
    assert await classes.load(recorded_tenant().tenant) is None
    assert api.calls == 0
    for second, calls in ((0.0, 1), (LIST_SECONDS - 1, 1), (LIST_SECONDS, 2)):
        now[0] = second
        assert await classes.load(recorded_tenant(webhook=INGRESS).tenant) == (None if refuses else {"nginx"})
        assert api.calls == calls


async def test_a_tenant_says_it_and_heals_when_the_secret_comes() -> None:
    operator = OperatorInMemory()
    operator.api.objects[INGRESS_CLASS, "nginx"] = live({"metadata": {"name": "nginx"}})
    await operator.bring_up(webhook=INGRESS)
    assert (operator.reason("Ready"), operator.reason("Degraded")) == ("Running", "AddressNotServed")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks-tls", "namespace": NAMESPACE}}
    await operator.api.create(secret)
    await operator.reconcile()
    assert operator.reason("Degraded") == "Healthy"
