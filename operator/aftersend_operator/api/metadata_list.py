"""Metadata-only lists: names and resource versions (``PartialObjectMetadataList``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from aftersend_operator.model.records import Key

METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Value of ``Accept``; every server since 1.15 knows it."""


@dataclass(frozen=True, slots=True)
class MetadataList:
    """Versions by namespace and name, as of ``version``."""

    present: Mapping[Key, int]
    version: int


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    resource_version: str
    namespace: str = ""


class _Item(msgspec.Struct, frozen=True):
    metadata: _Metadata


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _PartialObjectMetadataList(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: list[_Item] | None = None
    """null instead of an empty list"""


def parse_metadata_list(body: bytes) -> MetadataList:
    """Parse the response; raise ``msgspec.MsgspecError`` for anything but a list."""
    found = msgspec.json.decode(body, type=_PartialObjectMetadataList)
    entries = (item.metadata for item in found.items or ())
    present = {(entry.namespace, entry.name): int(entry.resource_version) for entry in entries}
    return MetadataList(present, int(found.metadata.resource_version))
