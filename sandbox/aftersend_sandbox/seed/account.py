"""Makes the simulated merchant's account: realistic orders of invented people, the same ones for the same seed.

First every scenario twice (as far as the count allows), then ordinary life by the scenarios' shares; all of it in
random order, ids ascending with the time of the order, like in Afterbuy, where an order is named after its first item.

Chance puts each order on a day and at a share of that day that is over; so a world that is made later on the same day
holds the same orders under the same ids, only at other times.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.seed.catalogue import products
from aftersend_sandbox.seed.channels import USUAL
from aftersend_sandbox.seed.order_factory import OrderFactory
from aftersend_sandbox.seed.scenarios import SCENARIOS, Day, Scenario
from aftersend_sandbox.world.world import World

BERLIN: Final = ZoneInfo("Europe/Berlin")
FIRST_ORDER: Final = 611_000_001
DAYS: Final = ("older", "yesterday", "today")
OLDEST_DAYS: Final = 40
"""Orders before the window reach this far back."""


def seeded_world(count: int = 300, *, now: datetime, seed: int = 1) -> World:
    """Make a world of ``count`` orders, its clock at ``now`` (aware); at least 300 hold every scenario twice."""
    random = Random(seed)  # noqa: S311 - repeatability, not secrecy
    world = World(clock=_clock_at(now))
    world.afterbuy.products = products()
    factory = OrderFactory(world.afterbuy.products, random)
    order_id = FIRST_ORDER
    for when, scenario in _agenda(count, now, random):
        channel = scenario.channel or random.choice(USUAL)
        order = factory.order(order_id, when, scenario.region, channel)
        scenario.mutation(factory, order)
        factory.sign(order, channel)
        scenario.finishing(factory, order)
        order.scenario = scenario.name
        world.afterbuy.orders.add(order)
        order_id += len(order.items) + random.randint(0, 7)
    return world


def _clock_at(now: datetime) -> SandboxClock:
    clock = SandboxClock()
    clock.advance(now - clock.now())
    return clock


def _agenda(count: int, now: datetime, random: Random) -> list[tuple[datetime, Scenario]]:
    """Spread the scenarios over the days, in order of time."""
    everything = list(SCENARIOS.values())
    plan = (everything * 2)[:count]
    plan += random.choices(everything, [each.share for each in everything], k=count - len(plan))
    places = sorted((_day(each.day, random), random.random(), number) for number, each in enumerate(plan))
    spans = [_span(day, now) for day in DAYS]
    return [(_moment(*spans[day], share), plan[number]) for day, share, number in places]


def _day(day: Day, random: Random) -> int:
    """Return the place in ``DAYS``; the window of an export holds yesterday and today."""
    return DAYS.index(random.choice(("yesterday", "today")) if day == "window" else day)


def _span(day: str, now: datetime) -> tuple[datetime, datetime]:
    """Return first and last moment of a day in Berlin, whole seconds as Afterbuy keeps them."""
    today = now.astimezone(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = (today - timedelta(hours=12)).replace(hour=0)
    match day:
        case "today":
            return today, now
        case "yesterday":
            return yesterday, today - timedelta(seconds=1)
        case _:
            return yesterday - timedelta(days=OLDEST_DAYS), yesterday - timedelta(hours=3)


def _moment(first: datetime, last: datetime, share: float) -> datetime:
    """Draw a moment between two, counted in UTC, so that a change of DST moves nothing out of the day."""
    start, end = int(first.timestamp()), int(last.timestamp())
    return datetime.fromtimestamp(start + int(share * max(end - start, 0)), tz=UTC)
