"""Records: what the cache keeps of a watched object, parsed from JSON by pure functions.

Thousands of objects pass here, so a record holds only what some decision reads. Of a Secret that is its metadata.
"""

from dataclasses import dataclass, replace

import msgspec

from aftersend.errors import Misconfigured
from aftersend.tenant.document import KIND, Tenant
from aftersend.tenant.loading import tenant_of
from aftersend.tenant.status import Status
from aftersend_operator.model.claims import Claim, claim_of
from aftersend_operator.model.comparison import DIGEST, content, digest
from aftersend_operator.model.naming import TENANT_LABEL, UID_LABEL, Manifest
from aftersend_operator.model.rollout import Rollout, rollout_of
from aftersend_operator.model.routes import Route, route_of

Key = tuple[str, str]
"""Namespace and name."""


def key_of(live: Manifest) -> Key:
    """Return namespace and name of an object."""
    metadata = live["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def version_of(live: Manifest) -> int:
    """Return the resource version as a number: it grows with every change of an object."""
    version = live["metadata"].get("resourceVersion", "")
    return int(version) if version.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A parsed tenant object; ``tenant`` is None if its spec is invalid, then ``fault`` gives path and cure."""

    key: Key
    uid: str
    version: int
    generation: int
    created: str
    """Time of creation, RFC 3339."""
    deleting: bool
    tenant: Tenant | None
    fault: str
    status: Status

    @property
    def identity(self) -> str:
        """Return ``<namespace>.<name>``."""
        return ".".join(self.key)


def tenant_record(live: Manifest) -> TenantRecord:
    """Parse a tenant object; never raise for an invalid spec or status."""
    metadata = live["metadata"]
    tenant, fault = _parsed(live)
    return TenantRecord(
        key=key_of(live),
        uid=metadata["uid"],
        version=version_of(live),
        generation=metadata.get("generation", 0),
        created=metadata.get("creationTimestamp") or "",
        deleting="deletionTimestamp" in metadata,
        tenant=tenant,
        fault=fault,
        status=_status(live.get("status", {})),
    )


def _parsed(live: Manifest) -> tuple[Tenant | None, str]:
    document = {key: value for key, value in live.items() if key != "status"}
    try:
        return tenant_of(document), ""
    except Misconfigured as error:
        return None, f"{error.path}: {error.cure}" if error.path else error.cure


def _status(live: object) -> Status:
    try:
        return msgspec.convert(live, Status)
    except msgspec.ValidationError:
        return Status()


@dataclass(slots=True)
class ChildRecord:
    """A child: an object that carries the tenant label."""

    key: Key
    uid: str
    version: int
    tenant: str
    tenant_uid: str
    owner: str
    """uid of its controller, or empty."""
    owner_name: str
    """Kind and name of its controller, or empty."""
    deleting: bool
    digest: str
    """Digest of its content."""
    content: bytes
    """Kept until it was compared with its manifest; empty afterwards."""
    rollout: Rollout | None
    claim: Claim | None = None
    route: Route | None = None
    settled: str = ""
    """Digest of the manifest that this content is known to satisfy, or empty."""
    applied: str = ""
    """Digest of the manifest that was applied last, whatever became of it since."""

    def is_left_by_predecessor(self, uid: str) -> bool:
        """Return True if an earlier tenant of the same name owns it: the garbage collector will delete it."""
        return self.owner not in ("", uid) and self.owner_name == f"{KIND}/{self.tenant}"


def child_record(live: Manifest) -> ChildRecord:
    """Parse a child."""
    metadata = live["metadata"]
    labels = metadata.get("labels", {})
    owners = metadata.get("ownerReferences", ())
    controller = next((owner for owner in owners if owner.get("controller")), None)
    kept = content(live)
    return ChildRecord(
        key=key_of(live),
        uid=metadata["uid"],
        version=version_of(live),
        tenant=labels.get(TENANT_LABEL, ""),
        tenant_uid=labels.get(UID_LABEL, ""),
        owner=controller["uid"] if controller else "",
        owner_name=f"{controller['kind']}/{controller['name']}" if controller else "",
        deleting="deletionTimestamp" in metadata,
        digest=digest(kept),
        content=kept,
        rollout=rollout_of(live),
        claim=claim_of(live),
        route=route_of(live),
        applied=(metadata.get("annotations") or {}).get(DIGEST, ""),
    )


def secret_child(live: Manifest) -> ChildRecord:
    """Parse a generated Secret from its metadata; its version stands for its content."""
    record = child_record({"metadata": live["metadata"]})
    return replace(record, digest=str(record.version), content=b"")
