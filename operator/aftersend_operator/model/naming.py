"""Names and labels of a tenant's children.

Every child is named ``aftersend-<tenant>-<what>`` and lives in the tenant's namespace. Two labels matter:

* ``tenant`` is on every child, so that a tenant of the same name adopts what an earlier one left behind.
* ``tenant-uid`` is on every child that one particular tenant object desires. What carries this label and is no longer
  desired is pruned. Data (volumes, generated secrets) never carries it: no change of a document prunes data.

The longest name is ``aftersend-`` + 30 + ``-fingerprint`` = 52 characters, which is also the most that a CronJob may
have.
"""

from typing import Any, Final

from aftersend.tenant.document import API_VERSION, KIND, Tenant

Manifest = dict[str, Any]
"""One Kubernetes object as JSON."""

FIELD_MANAGER: Final = "aftersend-operator"
GROUP: Final = API_VERSION.partition("/")[0]
PLURAL: Final = "aftersendtenants"
NAME_LABEL: Final = "app.kubernetes.io/name"
PART_LABEL: Final = "app.kubernetes.io/component"
INSTANCE_LABEL: Final = "app.kubernetes.io/instance"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
TENANT_LABEL: Final = f"{GROUP}/tenant"
UID_LABEL: Final = f"{GROUP}/tenant-uid"


def child_name(tenant: Tenant, what: str) -> str:
    """Return ``aftersend-<tenant>-<what>``."""
    return f"aftersend-{tenant.metadata.name}-{what}"


def namespace_of(tenant: Tenant) -> str:
    """Return the tenant's namespace; an object of a cluster always has one."""
    return tenant.metadata.namespace or "default"


def selector(tenant: Tenant, part: str | None = None) -> dict[str, str]:
    """Return the selector of the pods of one part, or of all; immutable, as selectors of workloads are."""
    labels = {NAME_LABEL: "aftersend", INSTANCE_LABEL: tenant.metadata.name}
    return labels if part is None else {**labels, PART_LABEL: part}


def kept_labels(tenant: Tenant, part: str) -> dict[str, str]:
    """Return the labels of data, which may outlive the tenant object."""
    return {
        **selector(tenant, part),
        MANAGED_BY_LABEL: FIELD_MANAGER,
        TENANT_LABEL: tenant.metadata.name,
    }


def labels(tenant: Tenant, part: str, uid: str) -> dict[str, str]:
    """Return the labels of everything that is deleted with the tenant object."""
    return {**kept_labels(tenant, part), UID_LABEL: uid}


def owner_reference(tenant: Tenant, uid: str) -> Manifest:
    """Return the owner reference by which Kubernetes garbage-collects a child with its tenant."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": tenant.metadata.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
