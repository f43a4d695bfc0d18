"""Checks of the secrets that a tenant names. Pure.

Each fault names cause and cure. It may contain names of objects and of keys, never values.
"""

from collections.abc import Iterable, Mapping

from aftersend.tenant.document import Tenant
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import Key, SecretRecord
from aftersend_operator.model.references import referenced_secrets


def secret_faults(tenant: Tenant, secrets: Mapping[Key, SecretRecord]) -> Iterable[Fault]:
    """Check the secrets that the tenant names: missing, or without a required key."""
    namespace = tenant.metadata.namespace or ""
    for name, keys in referenced_secrets(tenant).items():
        found = secrets.get((namespace, name))
        if found is None:
            wanted = f" with {', '.join(keys)}" if keys else ""
            yield Fault(ConditionReason.SECRET_MISSING, f"secret {name} is missing: create it in {namespace}{wanted}")
            continue
        absent = [key for key in keys if key not in found.names]
        if absent:
            yield Fault(ConditionReason.SECRET_KEY_MISSING, f"secret {name} lacks {', '.join(absent)}: add them")
