"""The remote control of the simulated systems: what people do in Afterbuy and in Sendcloud's panel, and the verdict."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from aftersend.errors import Transient

TAG = "Sendcloud abgeschlossen"
FOREIGN_INTEGRATION = 4700
PICKED_UP, DELIVERED = 22, 11
_PAGE = 500
_COLLI = {0: 2, 1: 3}
"""Every tenth order goes in two parcels, its neighbour in three."""
_CARRIERS = ("dhl_de", "dpd", "gls_de", "hermes_de", "ups")


class Control:
    """Speaks to the sandbox's control API; orders are named by their OrderID."""

    def __init__(self, session: aiohttp.ClientSession, *, url: str) -> None:
        self._session = session
        self._url = url
        self._printed = 0

    async def answers(self, url: str) -> bool:
        """Whether a probe or page answers with success."""
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def incoming(self) -> list[str]:
        """OrderIDs of all incoming orders, oldest first."""
        found: list[str] = []
        while True:
            page = await self._get(f"incoming?offset={len(found)}&limit={_PAGE}")
            found += [order["order_id"].removeprefix("afterbuy-") for order in page["orders"]]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    async def orders(self) -> list[dict[str, Any]]:
        """All orders in Afterbuy."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"orders?offset={len(found)}&limit={_PAGE}")
            found += page["orders"]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    async def parcels(self) -> list[dict[str, Any]]:
        """All parcels in Sendcloud."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"parcels?offset={len(found)}&limit={_PAGE}")
            found += page["parcels"]
            if len(found) >= page["total"] or not page["parcels"]:
                return found

    async def settle(self) -> None:
        """Let Sendcloud save what it has accepted."""
        await self._post("advance", {"saves": True})

    async def move_house(self, order: str) -> None:
        """The customer gave a wrong street."""
        await self._post(f"orders/{order}/address", {"street": "Neue Beispielstraße 1b"})

    async def hold_back(self, order: str) -> None:
        """The merchant fills the number field."""
        await self._post(f"orders/{order}/number", {"number": "warten"})

    async def release(self, order: str) -> None:
        """The merchant clears the number field."""
        await self._post(f"orders/{order}/number", {"number": ""})

    async def print_labels(self, orders: list[str]) -> None:
        """Packers print; some orders go in two or three parcels, carriers differ."""
        for order in orders:
            count, carrier = _COLLI.get(self._printed % 10, 1), _CARRIERS[self._printed % len(_CARRIERS)]
            await self._post(f"incoming/afterbuy-{order}/labels", {"count": count, "carrier": carrier})
            self._printed += 1

    async def relabel(self, order: str) -> None:
        """A new label in the place of the old one."""
        await self._post(f"incoming/afterbuy-{order}/relabel", {"carrier": "dpd"})

    async def cancel(self, order: str) -> None:
        """All labels of the order are cancelled."""
        await self._post(f"incoming/afterbuy-{order}/cancel", {})

    async def remove_tag(self, order: str) -> None:
        """A person takes the tag away."""
        await self._post(f"orders/{order}/tags", {"remove": TAG})

    async def edit_number(self, order: str) -> None:
        """A person writes something else into the number field."""
        await self._post(f"orders/{order}/number", {"number": "selbst abgeholt"})

    async def send_back(self, order: str) -> None:
        """A return is announced, under the same order number."""
        await self._post(f"incoming/afterbuy-{order}/return", {"same_number": True})

    async def deliver(self, order: str) -> None:
        """The carrier picks up and delivers."""
        await self._post(f"incoming/afterbuy-{order}/move", {"status": PICKED_UP})
        await self._post(f"incoming/afterbuy-{order}/move", {"status": DELIVERED})

    async def foreign_parcels(self) -> None:
        """Another tool on the same account makes parcels; some numbers look like ours."""
        for number in ("", "4711", "S00068"):
            await self._post("parcels", {"order_number": number, "integration": FOREIGN_INTEGRATION})

    async def arm_webhook_faults(self, faults: Mapping[str, float]) -> None:
        """Faults by probability; none = fair weather."""
        await self._request("DELETE", "faults?upstream=webhook")
        for kind, probability in faults.items():
            await self._post("faults", {"upstream": "webhook", "kind": kind, "probability": probability})

    async def webhooks_done(self) -> None:
        """Let everything that waits go, and wait until it went."""
        await self._post("advance", {"webhooks": True})
        while (await self._get("state"))["webhooks_under_way"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)

    async def figures(self) -> dict[str, int]:
        """What the screen shows."""
        state = await self._get("state")
        return {
            "orders in Afterbuy": state["orders"],
            "orders in Sendcloud": state["incoming"],
            "labels printed": state["parcels_live"],
            "webhooks received": state["webhooks"].get("delivered", 0),
            "webhooks lost": state["webhooks"].get("lost", 0),
            "numbers in Afterbuy": state["with_number"],
            "writes to Afterbuy": state["updates"],
        }

    async def verdict(self) -> list[dict[str, Any]]:
        """The merchant's rules, judged by the sandbox."""
        rules: list[dict[str, Any]] = (await self._get("verdict"))["rules"]
        return rules

    async def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON of the sandbox
        return await self._request("GET", path)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON of the sandbox
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        try:
            async with self._session.request(method, f"{self._url}/control/{path}", json=body) as response:
                if not response.ok:
                    raise Transient(f"http_{response.status}", upstream="sandbox", path=path.partition("?")[0])
                return await response.json()
        except aiohttp.ClientError:
            raise Transient("unreachable", upstream="sandbox") from None
