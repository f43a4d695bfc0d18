"""Metadata only (``PartialObjectMetadata``): what lists and watches return without contents.

The server leaves out spec, data and status. Annotations are dropped here: ``kubectl apply`` without ``--server-side``
copies a Secret's values into one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from aftersend_operator.api.errors import error_of
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import Key, key_of, version_of

METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Value of ``Accept``; every server since 1.15 knows it, and no other form is accepted."""
METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""The same for the events of a watch."""


@dataclass(frozen=True, slots=True)
class MetadataList:
    """Versions by namespace and name, as of ``version``."""

    present: Mapping[Key, int]
    version: int
    objects: Mapping[Key, Manifest] = field(default_factory=dict, compare=False)
    """The objects' metadata, as far as records are made of it."""


class _Metadata(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    owner_references: list[Manifest] | None = None


class _Object(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _EventObject(_Object, frozen=True):
    code: int = 0
    """Of a ``Status``."""
    reason: str = ""


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: _EventObject


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _PartialObjectMetadataList(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: list[_Object] | None = None
    """null instead of an empty list"""


def parse_metadata_list(body: bytes) -> MetadataList:
    """Parse the response; raise ``msgspec.MsgspecError`` for anything but a list."""
    found = msgspec.json.decode(body, type=_PartialObjectMetadataList)
    objects = [_manifest(item) for item in found.items or ()]
    return MetadataList(
        {key_of(each): version_of(each) for each in objects},
        int(found.metadata.resource_version),
        {key_of(each): each for each in objects},
    )


def parse_metadata_event(line: bytes) -> tuple[str, Manifest]:
    """Return type and object of a watch event; raise the error that the server reports in its stream."""
    event = msgspec.json.decode(line, type=_Event)
    if event.type == "ERROR":
        raise error_of(event.object.code, {}, {"reason": event.object.reason})
    return event.type, _manifest(event.object)


def _manifest(item: _Object) -> Manifest:
    return {"metadata": msgspec.to_builtins(item.metadata)}
