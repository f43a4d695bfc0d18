"""A list of names and versions, as the API server gives it to those who ask for metadata only."""

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
    """null if there is none"""


def parse_metadata_list(body: bytes) -> MetadataList:
    """Raises ``msgspec.MsgspecError`` for anything else than a list."""
    found = msgspec.json.decode(body, type=_PartialObjectMetadataList)
    entries = (item.metadata for item in found.items or ())
    present = {(entry.namespace, entry.name): int(entry.resource_version) for entry in entries}
    return MetadataList(present, int(found.metadata.resource_version))
