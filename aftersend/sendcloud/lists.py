"""Lists of Sendcloud, page by page, and what their elements look like.

A page names the next one by a URL (v2: ``next`` in the body, v3: the ``Link`` header). Only its ``cursor`` is used, on
our own address, because the keys travel with each request. A list that cannot be followed to its end is an error, never
a shorter list: the sweep would skip what it did not see.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw
from yarl import URL

from aftersend.errors import Transient
from aftersend.sendcloud import lenient
from aftersend.sendcloud.model import SENDCLOUD, Integration


class ParcelList(msgspec.Struct, frozen=True):
    """v2: parcels stay raw, so that a broken one spoils none of the others."""

    parcels: list[Raw]
    next: str | None = None


class ListedOrder(msgspec.Struct, frozen=True):
    """v3: an incoming order as far as it matters."""

    order_id: Any = None
    order_details: Any = None

    def id_within(self, integration: int) -> str:
        """Its ``order_id``; empty if it says that it belongs to another integration (filters may be ignored)."""
        origin = self.order_details.get("integration") if isinstance(self.order_details, dict) else None
        told = lenient.text(origin.get("id")) if isinstance(origin, dict) else ""
        return "" if told and told != str(integration) else lenient.text(self.order_id)


class OrderList(msgspec.Struct, frozen=True):
    """v3: a page of incoming orders."""

    data: list[ListedOrder]


class Accepted(msgspec.Struct, frozen=True):
    """v3: the answer to a push; its elements tell nothing that we need."""

    data: list[Raw]


class ListedIntegration(msgspec.Struct, frozen=True):
    """v3 (``type``) and v2 (``system``)."""

    id: Any = None
    shop_name: Any = None
    type: Any = None
    system: Any = None
    webhook_active: Any = None
    webhook_url: Any = None

    def clean(self) -> Integration:
        """The integration; id 0 if that cannot be read."""
        return Integration(
            id=lenient.whole(self.id, largest=2**53) or 0,
            shop_name=lenient.text(self.shop_name),
            type=lenient.text(self.type) or lenient.text(self.system),
            webhook_active=lenient.truth(self.webhook_active),
            webhook_url=lenient.link(self.webhook_url),
        )


class IntegrationList(msgspec.Struct, frozen=True):
    """v3: all integrations at once."""

    data: list[ListedIntegration]


class Pages:
    """The way through one list: ``query`` asks for the next page as long as there are ``more``."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = dict(query)
        self.more = True
        self._seen: set[str] = set()

    def follow(self, url: str | None) -> None:
        """Go on where ``url`` points to; nothing there ends the list."""
        self.more = bool(url)
        if not url:
            return
        cursor = _cursor(url)
        if cursor in self._seen:
            raise Transient("paging_in_circles", upstream=SENDCLOUD)
        self._seen.add(cursor)
        self.query["cursor"] = cursor


def _cursor(url: str) -> str:
    with suppress(ValueError):
        if cursor := URL(url).query.get("cursor", ""):
            return cursor
    raise Transient("paging_without_cursor", upstream=SENDCLOUD)
