"""Many merchants on one node, with orders and numbers travelling all the time."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from tests.support.cluster.shop import PORT, ClusterShop
from tests.support.cluster.status_sampler import StatusSampler
from tools.test_cluster.cluster import Cluster

SPLIT: Final = 2
"""Of a whole fleet so many are split, the others compact."""
ORDERS: Final = 80
REQUESTS: Final = {"resources": {"requests": {"cpu": "20m", "memory": "48Mi"}}}
SCHEDULES: Final = {"export": {"schedule": "*/2 * * * *"}, "backup": {"schedule": "*/10 * * * *"}}
"""Often enough to see that they heal."""
PERIOD: Final = 5.0
_APPEAR_EVERY: Final = 20.0
"""Seconds between two orders of a merchant that are new in Afterbuy."""
_RELABEL_EVERY: Final = 4
"""Periods between two parcels of a merchant that get another label."""
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class FleetShop(ClusterShop):
    """A merchant whose sandbox is called from this machine without a program in between."""

    def ask(self, path: str, **query: str) -> Any:
        """What the sandbox's control interface says."""
        return self._call(f"{path}?{urlencode(query)}", None)

    def act(self, path: str, body: dict[str, Any]) -> Any:
        """Do something in the sandbox."""
        return self._call(path, json.dumps(body).encode())

    def let_orders_appear(self) -> None:
        """Keep every other order back for a while, so that there are new ones for as long as possible."""
        late = self.ask("orders")["orders"][1::2]
        for number, order in enumerate(late, start=1):
            self.act(f"orders/{order['order_id']}/appear", {"seconds": number * _APPEAR_EVERY})

    @cached_property
    def _url(self) -> str:
        return f"http://{self.get('pod', 'sandbox')['status']['podIP']}:{PORT}/control"

    def _call(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self._url}/{path}", body, {"Content-Type": "application/json"})
        with _DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)


def make_fleet(cluster: Cluster, count: int, image: str) -> list[FleetShop]:
    """Make namespaces, keys and sandboxes; the first two merchants are split, the others compact."""
    topologies = ["split" if number < min(SPLIT, count - 1) else "compact" for number in range(count)]
    shops = [FleetShop(cluster, cluster.make_namespace("fleet"), topology) for topology in topologies]
    for seed, shop in enumerate(shops, start=1):
        shop.open(image, orders=ORDERS, seed=seed)
    for shop in shops:
        shop.kubectl("wait", "--for=condition=Ready", "pod/sandbox", "--timeout=300s")
        shop.let_orders_appear()
    return shops


@dataclass
class Traffic:
    """Prints labels as people do, and notes what arrives."""

    shops: Sequence[FleetShop]
    sampler: StatusSampler | None = None
    numbers: int = 0
    """Updates that Afterbuy has got from all merchants together."""
    orders: int = 0
    """Orders that Sendcloud has got."""
    unheard: int = 0
    """Calls of the sandboxes that failed: those of this machine, not those of the tenants."""
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)
    """When each sandbox was asked last."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Go on until ``stop``."""
        turn = 0
        while not self._stop.wait(PERIOD):
            turn += 1
            for number, shop in enumerate(self.shops):
                try:
                    self._serve(shop, relabels=(turn + number) % _RELABEL_EVERY == 0)
                except OSError:
                    self.unheard += 1

    def stop(self) -> None:
        """End ``run``."""
        self._stop.set()

    def arrived(self) -> dict[str, tuple[int, int]]:
        """Orders in Sendcloud and updates in Afterbuy, by merchant."""
        return dict(self._seen)

    def _serve(self, shop: FleetShop, *, relabels: bool) -> None:
        since, self._looked[shop.namespace] = self._looked.get(shop.namespace, 0.0), time.time()
        state = shop.ask("state")
        known, found = self._seen.get(shop.namespace), (state["incoming"], state["updates"])
        self._seen[shop.namespace] = found
        if known and self.sampler:
            self.sampler.saw(shop.namespace, since, exported=found[0] > known[0], written_back=found[1] > known[1])
        self.orders, self.numbers = (sum(each[side] for each in self._seen.values()) for side in (0, 1))
        shop.act("incoming/labels", {"all": True})
        if relabels and state["incoming"]:
            self._relabel(shop, state["incoming"])

    def _relabel(self, shop: FleetShop, incoming: int) -> None:
        (newest,) = shop.ask("incoming", offset=str(incoming - 1), limit="1")["orders"]
        shop.act(f"incoming/{newest['order_id']}/relabel", {"carrier": "dpd"})


@contextmanager
def travelling(traffic: Traffic) -> Iterator[Traffic]:
    """Keep orders travelling as long as the block runs."""
    thread = threading.Thread(target=traffic.run)
    thread.start()
    try:
        yield traffic
    finally:
        traffic.stop()
        thread.join()


def wait_for(shops: Iterable[ClusterShop], condition: str, *, seconds: int = 600) -> None:
    """Wait until a condition holds for every tenant: ``Ready``, ``Degraded=False``."""
    for shop in shops:
        shop.kubectl("wait", f"--for=condition={condition}", "ast/shop", f"--timeout={seconds}s")
