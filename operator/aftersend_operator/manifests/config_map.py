"""The tenant document as the services read it, and the mark that rolls the pods when it changes."""

import hashlib
from typing import Final

import msgspec
import yaml

from aftersend.tenant import Tenant
from aftersend_operator.manifests.plan import Plan
from aftersend_operator.naming import GROUP, Manifest

KEY: Final = "tenant.yaml"
CONFIG_MARK: Final = f"{GROUP}/config"


def config_map(plan: Plan) -> Manifest:
    """The document in a file."""
    manifest = plan.manifest("v1", "ConfigMap", "tenant", part="config")
    return {**manifest, "data": {KEY: tenant_yaml(plan.tenant)}}


def tenant_yaml(tenant: Tenant) -> str:
    """The whole document with all defaults, without status and without what only the API server knows.

    Two documents that mean the same give the same text, so that nobody's pods roll for a spelled-out default.
    """
    document = msgspec.to_builtins(tenant)
    del document["status"]
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=120)


def mark(text: str) -> str:
    """A short name for a content: differs when the content does."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
