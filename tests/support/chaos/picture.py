"""The end of a day in a normal form: what both systems show, without times and without names given at random.

Two pictures are equal if the days look the same in Afterbuy and in Sendcloud.
"""

from dataclasses import dataclass
from typing import Any

from aftersend_demo.sandbox_control import TAG
from tests.support.chaos.scene import Scene

_MOST_SHOWN = 40
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Picture:
    """Three tables: a row per order in Afterbuy, per incoming order, per parcel."""

    afterbuy: Rows
    incoming: Rows
    parcels: Rows

    def differences(self, other: "Picture") -> list[str]:
        """A line per row and field that differs: calm value first."""
        return [
            line
            for name in ("afterbuy", "incoming", "parcels")
            for line in _differences(name, getattr(self, name), getattr(other, name))
        ]


async def picture(scene: Scene) -> Picture:
    """Both systems as they are now."""
    added = {str(order): count for order, tag, count in (await scene.control.counted())["tags_added"] if tag == TAG}
    orders = await scene.control.orders()
    return Picture(
        afterbuy={str(each["order_id"]): _order(each, added.get(str(each["order_id"]), 0)) for each in orders},
        incoming={each["order_id"]: _timeless(each["body"]) for each in await scene.control.saved()},
        parcels={str(each["id"]): _parcel(each) for each in await scene.control.parcels()},
    )


def _order(order: dict[str, Any], tags_added: int) -> dict[str, Any]:
    shipping = order["shipping"]
    return {
        "AdditionalInfo": order["additional_info"],
        "DeliveryService": shipping["service"],
        "Tags": sorted(order["tags"]),
        "times tagged": tags_added,
        "infos": order["infos"],
        "link": order["tracking_link"],
        "memo": order["memo"],
        "labels": shipping["parcel_labels"],
        "dispatched": shipping["dispatched_at"] is not None,
        "cancelled": order["cancelled"],
        "mails": sorted(order["mails_sent"]),
    }


def _parcel(parcel: dict[str, Any]) -> dict[str, Any]:
    kept = ("order_number", "external_order_id", "integration", "status", "tracking_number", "tracking_url", "carrier")
    return {**{name: parcel[name] for name in kept}, "weight": str(parcel["weight"]), "items": parcel["items"]}


def _timeless(value: Any) -> Any:
    """The same without dates: two days never start at the same moment."""
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if not name.endswith(("_at", "_date"))}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _differences(table: str, calm: Rows, other: Rows) -> list[str]:
    lines = []
    for key in sorted(calm.keys() | other.keys()):
        if key not in calm or key not in other:
            lines.append(f"{table} {key}: {'only after the disturbed day' if key in other else 'missing'}")
            continue
        for name in sorted(calm[key].keys() | other[key].keys()):
            mine, theirs = calm[key].get(name), other[key].get(name)
            if mine != theirs:
                lines.append(f"{table} {key} {name}: calm {mine!r}, disturbed {theirs!r}")
    return lines


async def assert_as_calm(scene: Scene, calm: Picture) -> None:
    """The disturbed day ended like the calm one, every rule was kept, and nothing lies around."""
    wrong = calm.differences(await picture(scene))
    wrong += [f"rule {rule['name']}: {rule['orders']}" for rule in await scene.control.verdict() if not rule["kept"]]
    dead = await scene.parcels.dead() + await scene.requests.dead()
    wrong += [f"{dead} dead letters: {scene.logged('event_dead')[:5]}"] if dead else []
    more = f"\n… and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
    assert not wrong, "\n".join([f"logs: {scene.demo.logs}", *wrong[:_MOST_SHOWN]]) + more


async def assert_nothing_lost(scene: Scene) -> None:
    """No life of any service has seen an entry vanish."""
    lost = scene.logged("events_lost")
    assert not lost, f"logs: {scene.demo.logs}\n" + "\n".join(lost)
    assert await scene.lost() == 0, f"aftersend_events_lost_total, logs: {scene.demo.logs}"
