"""The stub of Sendcloud: it accepts what is pushed, within limits if there are any, and lists parcels.

Each parcel belongs to one order, has a label and was changed long ago: a second sweep finds nothing new in them.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic

INTEGRATION = {
    "id": 7,
    "shop_name": "J&J Aftersend",
    "type": "api",
    "webhook_active": True,
    "webhook_url": "https://a.example",
}
PAGE = 100
FIRST_PARCEL = 400_000_000
_MINUTE = 60.0


@dataclass(slots=True)
class SendcloudStub:
    """An account with one parcel for each of ``parcels`` orders from ``first`` on; 0 writes a minute is no limit."""

    first: int = 1_000_000
    parcels: int = 0
    writes_per_minute: int = 0
    writes_per_second: int = 15
    writes: int = 0
    refused: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def accepts(self) -> bool:
        """Count one write; False if it exceeds the limits."""
        now = monotonic()
        while self._recent and self._recent[0] <= now - _MINUTE:
            self._recent.popleft()
        second = sum(moment > now - 1 for moment in self._recent)
        if self.writes_per_minute and (len(self._recent) >= self.writes_per_minute or second >= self.writes_per_second):
            self.refused += 1
            return False
        self.writes += 1
        if self.writes_per_minute:
            self._recent.append(now)
        return True

    def listed(self, cursor: str) -> bytes:
        """One page of parcels; ``cursor`` is empty for the first one."""
        start = int(cursor or 0)
        end = min(start + PAGE, self.parcels)
        return _page(self.first, start, end, more=end < self.parcels)


@lru_cache(maxsize=128)
def _page(first: int, start: int, end: int, *, more: bool) -> bytes:
    following = f"https://panel.example/api/v2/parcels?cursor={end}" if more else None
    found = [parcel(FIRST_PARCEL + place, first + place) for place in range(start, end)]
    return json.dumps({"next": following, "previous": None, "parcels": found}).encode()


def parcel(number: int, order: int) -> dict[str, object]:
    """A v2 parcel with a label, as lists and webhooks show it, with all of its personal fields."""
    return {
        "id": number,
        "name": "Erna Müller",
        "company_name": "",
        "address": "Hauptstraße 12a",
        "address_2": "",
        "address_divided": {"street": "Hauptstraße", "house_number": "12a"},
        "house_number": "12a",
        "city": "Köln",
        "postal_code": "50667",
        "country": {"iso_2": "DE", "iso_3": "DEU", "name": "Germany"},
        "to_state": None,
        "telephone": "+49 221 123456",
        "email": f"erna.{order}@example.org",
        "order_number": str(order),
        "external_order_id": f"afterbuy-{order}",
        "external_shipment_id": "",
        "external_reference": None,
        "reference": "0",
        "shipment_uuid": f"5f1a7d0e-0000-4000-8000-{number:012}",
        "colli_uuid": f"6f1a7d0e-0000-4000-8000-{number:012}",
        "colli_tracking_number": None,
        "collo_nr": 1,
        "collo_count": 1,
        "status": {"id": 1000, "message": "Ready to send"},
        "tracking_number": tracking_number(number),
        "tracking_url": f"https://tracking.example/{number}",
        "carrier": {"code": "dhl_de"},
        "shipment": {"id": 89, "name": "DHL Paket 0-2kg"},
        "shipping_method": 89,
        "shipping_method_checkout_name": "",
        "contract": None,
        "weight": "1.700",
        "parcel_items": [
            {"description": "Teekanne, handbemalt", "quantity": 1, "weight": "0.850", "value": "29.90", "sku": "TEE-1"}
        ]
        * 2,
        "documents": [],
        "label": {},
        "customs_declaration": {},
        "total_order_value": "64.70",
        "total_order_value_currency": "EUR",
        "insured_value": 0,
        "is_return": False,
        "type": "parcel",
        "note": "",
        "date_created": "20-11-2026 08:00:00",
        "date_announced": "20-11-2026 08:00:01",
        "date_updated": "20-11-2026 08:00:02",
        "date_shipped": None,
        "to_service_point": None,
        "extra_data": {},
    }


def tracking_number(number: int) -> str:
    """The carrier's number of a parcel."""
    return f"00340434{number:012}"
