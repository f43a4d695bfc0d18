"""Names and labels of a tenant's children.

Every child is named ``aftersend-<tenant>-<what>`` and lies in the tenant's namespace. Labels say the rest:

* ``tenant`` stands on everything, so that a tenant of the same name finds again what an earlier one left behind.
* ``tenant-uid`` stands on everything that one particular tenant object wants. What carries this label and is no longer
  wanted is pruned. Data (volumes, generated secrets) never carries it: no change of a document prunes data.

The longest name is ``aftersend-`` + 30 + ``-fingerprint`` = 52 characters, which is also the most that a CronJob may
have.
"""

from typing import Any, Final

from aftersend.tenant.document import API_VERSION, KIND, Tenant

Manifest = dict[str, Any]
"""One Kubernetes object as plain JSON."""

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
    """``aftersend-<tenant>-<what>``."""
    return f"aftersend-{tenant.metadata.name}-{what}"


def namespace_of(tenant: Tenant) -> str:
    """The tenant's namespace; an object of a cluster always has one."""
    return tenant.metadata.namespace or "default"


def selector(tenant: Tenant, part: str | None = None) -> dict[str, str]:
    """The labels that find the pods of one part, or of all parts; they never change in an object's life."""
    labels = {NAME_LABEL: "aftersend", INSTANCE_LABEL: tenant.metadata.name}
    return labels if part is None else {**labels, PART_LABEL: part}


def kept_labels(tenant: Tenant, part: str) -> dict[str, str]:
    """Labels of data, which may outlive the tenant object."""
    return {
        **selector(tenant, part),
        MANAGED_BY_LABEL: FIELD_MANAGER,
        TENANT_LABEL: tenant.metadata.name,
    }


def labels(tenant: Tenant, part: str, uid: str) -> dict[str, str]:
    """Labels of everything that goes with the tenant object."""
    return {**kept_labels(tenant, part), UID_LABEL: uid}


def owner_reference(tenant: Tenant, uid: str) -> Manifest:
    """What makes Kubernetes delete a child with its tenant."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": tenant.metadata.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
