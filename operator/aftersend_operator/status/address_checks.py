"""Checks of the webhook's public address: what the document names and the cluster does not have.

Orders travel without it: the sweep brings the parcel numbers, later. So none of these faults blocks.
"""

import time
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.logs import get_logger
from aftersend.tenant.document import Tenant
from aftersend_operator.api.client import Api
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.kinds import Kind
from aftersend_operator.model.naming import namespace_of
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key

INGRESS_CLASS: Final = Kind("networking.k8s.io/v1", "IngressClass", "ingressclasses")
LIST_SECONDS: Final = 30.0


@dataclass(slots=True)
class IngressClasses:
    """The names of the cluster's ingress classes, listed when a tenant names one, once in ``LIST_SECONDS`` at most."""

    api: Api
    clock: Callable[[], float] = time.monotonic
    _names: Collection[str] | None = None
    _until: float = field(default=float("-inf"))

    async def load(self, tenant: Tenant | None) -> Collection[str] | None:
        """Return the names; None if the tenant needs none, or if they cannot be known (a Role in a namespace)."""
        if tenant is None or not tenant.spec.webhook.ingress_class_name:
            return None
        if self.clock() >= self._until:
            self._names, self._until = await self._list(), self.clock() + LIST_SECONDS
        return self._names

    async def _list(self) -> Collection[str] | None:
        try:
            listed = await self.api.list_metadata(INGRESS_CLASS, "", {})
        except AftersendError as error:
            get_logger().debug("ingress_classes_not_listed", exc_info=error)
            return None
        return frozenset(name for _, name in listed.present)


def address_faults(
    tenant: Tenant, secrets: Container[Key], classes: Collection[str] | None, kinds: Container[str]
) -> Iterable[Fault]:
    """Check certificate, ingress class and gateway; all that is missing is one fault."""
    found = "; ".join(_missing(tenant, secrets, classes, kinds))
    if found:
        yield Fault(
            ConditionReason.ADDRESS_NOT_SERVED, f"{found}; until then the sweep brings the numbers", blocks=False
        )


def _missing(
    tenant: Tenant, secrets: Container[Key], classes: Collection[str] | None, kinds: Container[str]
) -> Iterable[str]:
    webhook, namespace = tenant.spec.webhook, namespace_of(tenant)
    if webhook.ingress_class_name and classes is not None and webhook.ingress_class_name not in classes:
        cure = "set spec.webhook.ingressClassName to one of kubectl get ingressclass, or install its controller"
        yield f"ingress class {webhook.ingress_class_name} does not exist: {cure}"
    if webhook.gateway and "HTTPRoute" not in kinds:
        yield "the cluster serves no HTTPRoute: install the Gateway API, or use spec.webhook.ingressClassName"
    name = webhook.tls_secret_name
    if name and (namespace, name) not in secrets:
        cure = f"let cert-manager make it, or kubectl -n {namespace} create secret tls {name} --cert=… --key=…"
        yield f"secret {name} with the webhook's certificate is missing: {cure}"
