"""The ConfigMap with the tenant document, and the annotation that rolls pods when it changes."""

import hashlib
from typing import Any, Final

import msgspec
import yaml

from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.render_context import RenderContext
from aftersend_operator.model.naming import GROUP, Manifest

KEY: Final = "tenant.yaml"
CONFIG_ANNOTATION: Final = f"{GROUP}/config"


def config_map(context: RenderContext) -> Manifest:
    """Render the tenant document as a file."""
    manifest = context.manifest("v1", "ConfigMap", "tenant", part="config")
    return {**manifest, "data": {KEY: context.document}}


def tenant_yaml(tenant: Tenant) -> str:
    """Render the document without status, server-owned metadata, and fields that equal their default.

    So equivalent documents give the same text and no pod rolls for a spelled-out default. Services of an older release,
    which refuse unknown fields, read a document of this one as long as it uses no new field.
    """
    document = {
        "apiVersion": tenant.api_version,
        "kind": tenant.kind,
        "metadata": msgspec.to_builtins(tenant.metadata),
        "spec": _sparse(tenant.spec),
    }
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=120)


def _sparse(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    if not isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    return {
        field.encode_name: _sparse(found)
        for field in msgspec.structs.fields(value)
        if (found := getattr(value, field.name)) != _default(field)
    }


def _default(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - of any type
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def content_hash(text: str) -> str:
    """Hash a content for an annotation: it changes when the content does."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
