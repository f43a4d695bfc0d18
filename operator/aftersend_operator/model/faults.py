"""Faults: what is wrong with a tenant, with its reason, its cure, and whether orders can still travel."""

from dataclasses import dataclass

from aftersend_operator.model.reasons import ConditionReason


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong; ``blocks`` if no order can travel because of it."""

    reason: ConditionReason
    message: str
    blocks: bool = True


def address_taken(holder: str) -> Fault:
    """Report a webhook's address that is another tenant's; the sweep still brings the numbers."""
    message = f"host and path of the webhook belong to the tenant {holder}, so there is no Ingress and no HTTPRoute"
    return Fault(ConditionReason.ADDRESS_TAKEN, f"{message}: choose another spec.webhook.path or host", blocks=False)


def not_ours(kind: str, name: str) -> Fault:
    """Report an object that has the name of a child and another owner."""
    cure = "rename or delete it, or rename the tenant"
    return Fault(ConditionReason.NOT_OURS, f"{kind} {name} belongs to another owner: {cure}")
