"""Paging through Sendcloud's lists, and the shapes of their pages.

A page names the next one by a URL (v2: ``next`` in the body, v3: the ``Link`` header). Only its ``cursor`` is used, on
our own address, because each request carries the keys. A list that cannot be followed to its end is an error, never a
shorter list: the sweep would skip what it did not see.
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
    """v2: a page of parcels, which stay raw, so that a broken one does not affect the others."""

    parcels: list[Raw]
    next: str | None = None


class ListedOrder(msgspec.Struct, frozen=True):
    """v3: an incoming order as far as it matters."""

    order_id: Any = None
    order_details: Any = None

    def id_within(self, integration: int) -> str:
        """Return its ``order_id``; empty if it names another integration (filters may be ignored)."""
        origin = self.order_details.get("integration") if isinstance(self.order_details, dict) else None
        found = lenient.text(origin.get("id")) if isinstance(origin, dict) else ""
        return "" if found and found != str(integration) else lenient.text(self.order_id)


class OrderList(msgspec.Struct, frozen=True):
    """v3: a page of incoming orders."""

    data: list[ListedOrder]


class PushResult(msgspec.Struct, frozen=True):
    """v3: the response to a push; its elements are not needed."""

    data: list[Raw]


class ListedIntegration(msgspec.Struct, frozen=True):
    """An integration of v3 (``type``) or v2 (``system``)."""

    id: Any = None
    shop_name: Any = None
    type: Any = None
    system: Any = None
    webhook_active: Any = None
    webhook_url: Any = None
    feedback_type: Any = None

    def clean(self) -> Integration:
        """Return the integration; id 0 if that cannot be read."""
        return Integration(
            id=lenient.integer(self.id, largest=2**53) or 0,
            shop_name=lenient.text(self.shop_name),
            type=lenient.text(self.type) or lenient.text(self.system),
            webhook_active=lenient.boolean(self.webhook_active),
            webhook_url=lenient.url(self.webhook_url),
            feedback_type=lenient.text(self.feedback_type),
        )


class IntegrationList(msgspec.Struct, frozen=True):
    """v3: all integrations at once."""

    data: list[ListedIntegration]


class Pagination:
    """Cursor of one list: ``query`` requests the next page as long as there are ``more``."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = dict(query)
        self.more = True
        self._seen: set[str] = set()

    def follow(self, url: str | None) -> None:
        """Advance to the page that ``url`` names; none ends the list."""
        self.more = bool(url)
        if not url:
            return
        cursor = _cursor_of(url)
        if cursor in self._seen:
            raise Transient("paging_in_circles", upstream=SENDCLOUD)
        self._seen.add(cursor)
        self.query["cursor"] = cursor


def _cursor_of(url: str) -> str:
    with suppress(ValueError):
        if cursor := URL(url).query.get("cursor", ""):
            return cursor
    raise Transient("paging_without_cursor", upstream=SENDCLOUD)
