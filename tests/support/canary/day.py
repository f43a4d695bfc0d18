"""A day in the marked shop: what ordinarily happens, and everything that goes wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec

from aftersend.runs import RunRequest
from aftersend.stream.event import new_id, rfc3339
from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.world.sendcloud_account import SendcloudParcel
from tests.support.canary import odd_answers
from tests.support.canary.front import Strange
from tests.support.canary.hooks import call_unsigned, marked, odd_hooks, odd_parcels, signed, webhook
from tests.support.canary.marks import ODD, PARCELS, PEOPLE, SECRETS
from tests.support.canary.scene import CanaryScene
from tests.support.canary.shop import INTEGRATION, PLAIN, REFUSED, SPARES, SWISS

Condition = Callable[[], Awaitable[bool]]


class Nonsense(msgspec.Struct):
    """Data of an event as no version of ours writes it."""

    parcel: dict[str, str]
    status: str
    received: str
    kind: str
    order: list[str]
    orders: str


_NONSENSE = Nonsense(
    parcel={PEOPLE["city"]: PARCELS["number"]},
    status=ODD["odd value"],
    received=PEOPLE["phone"],
    kind=ODD["odd value"],
    order=[PEOPLE["last name"]],
    orders=PEOPLE["last name"],
)


async def ordinary(scene: CanaryScene) -> None:
    """Orders go, labels are printed, numbers come back, by webhook and by sweep."""
    summary = await scene.run("sweep")
    assert summary.outcome == "done"
    summary = await scene.run("export")
    assert (summary.outcome, summary.rejected) == ("partial", 1), summary
    for parcel in printed(scene, PLAIN) + printed(scene, SPARES[0]):
        body = webhook(marked(parcel))
        assert await scene.post(body, signed(body)) == 200
    for number in (PLAIN, SPARES[0]):
        await scene.until(_shows(scene, number, PARCELS["number"]), f"{number} has its number")
    for parcel in printed(scene, SPARES[1]):
        parcel.tracking_number, parcel.carrier = PARCELS["number"], PARCELS["carrier"]
        parcel.tracking_url = f"https://{PARCELS['link']}/"
    assert (await scene.run("sweep")).sent
    await scene.until(_shows(scene, SPARES[1], PARCELS["number"]), "the sweep brings a number")
    scene.sandbox.world.afterbuy.orders[SPARES[8]].additional_info = PEOPLE["held"]
    body = webhook(marked(printed(scene, SPARES[8])[0]))
    assert await scene.post(body, signed(body)) == 200
    await scene.until(_has_problem(scene, SPARES[8], "conflict"), "a person's edit is a conflict")


async def strange_answers(scene: CanaryScene) -> None:
    """Both systems talk nonsense, one answer after the other."""
    for strange in odd_answers.about_orders():
        await _meets(scene, strange)
    for strange in odd_answers.about_products():
        await _meets(scene, strange, SWISS)
    for strange in odd_answers.refusals():
        await _meets(scene, strange, REFUSED)
    for strange in odd_answers.about_lists("GET /v3/integrations"):
        await _meets(scene, strange)
    for strange in odd_answers.about_lists("GET /v2/parcels"):
        scene.front.waiting.append(strange)
        await scene.run("sweep")
        assert strange not in scene.front.waiting, strange


async def strange_writes(scene: CanaryScene) -> None:
    """Afterbuy shows an order with an odd value that no write needs, or refuses numbers with words that quote them."""
    page = odd_answers.sold(odd_answers.odd_order(SPARES[7], f"<ItemQuantity>{ODD['odd value']}</ItemQuantity>"))
    strange = (Strange("GetSoldItems", page), *odd_answers.about_writing())
    for number, each in zip((SPARES[7], *SPARES[2:7]), strange, strict=True):
        meant = replace(each, about=str(number))
        scene.front.waiting.append(meant)
        body = webhook(marked(printed(scene, number)[0]))
        assert await scene.post(body, signed(body)) == 200
        await scene.until(_is_over(scene, meant), f"{each.call} was answered, and what it led to is over")
    assert not await _has_problem(scene, SPARES[7], "rejected")()


async def strange_hooks(scene: CanaryScene) -> None:
    """Malformed calls of the webhook service, signed or not."""
    parcel = marked(printed(scene, SPARES[6])[0])
    for hook in odd_hooks(parcel):
        assert await scene.post(hook.body, hook.headers, more=hook.more, method=hook.method) == hook.expected, hook
    for body in odd_parcels(parcel):
        assert await scene.post(body, signed(body)) == 200
    await call_unsigned(scene)


async def strange_events(scene: CanaryScene) -> None:
    """What lies on the streams is not what it should be: it dies, each for its own reason."""
    known = await scene.parcels.dead() + await scene.requests.dead()
    for kind in ("parcel.changed", "order.check"):
        await scene.parcels.add(kind, "webhook", _NONSENSE)
    await scene.requests.add("export.requested", "cli", _NONSENSE)
    await scene.requests.add("sweep.requested", "cli", RunRequest(kind="export", orders=(PEOPLE["city"],)))
    await scene.requests.add("export.requested", "cli", RunRequest(kind="export", orders=(PEOPLE["city"], "x")))
    sealed = (await scene.redis.xrange(scene.parcels.dead_key, count=1))[0][1][b"data"]
    for changes in ({b"v": b"2"}, {b"type": b"parcel.lost"}, {b"source": b"unknown"}, {b"id": b""}, {}):
        entry = {b"v": b"1", b"id": new_id().encode(), b"type": b"parcel.changed", b"source": b"webhook"}
        times = {b"time": rfc3339(0).encode(), b"first": rfc3339(0).encode(), b"attempt": b"1"}
        await scene.redis.xadd(scene.parcels.key, {**entry, **times, b"data": sealed, **changes})

    async def all_dead() -> bool:
        return await scene.parcels.dead() + await scene.requests.dead() - known >= 9

    await scene.until(all_dead, "what cannot be read is dead")


async def strange_secrets(scene: CanaryScene) -> None:
    """A secret is exchanged for something broken, and back."""
    broken = SECRETS["broken secret"].encode()
    for name, content in (
        ("afterbuy/partnerToken", b"\xff\xfe" + broken),
        ("afterbuy/accountToken", broken),
        ("sendcloud/secretKey", broken + b"\n\x00\xff"),
        ("sendcloud/publicKey", broken + b"\nsecond line"),
        ("data-key/fingerprint", broken),
    ):
        path = scene.secrets / name
        before = path.read_bytes()
        path.write_bytes(content)
        summary = await scene.run("export")
        path.write_bytes(before)
        assert summary.health.message, (name, summary)
    (scene.secrets / "data-key" / "20260102").write_bytes(broken)


def printed(scene: CanaryScene, number: int) -> list[SendcloudParcel]:
    """The parcels of an order; its label is printed if it has none yet."""
    world = scene.sandbox.world
    saving.settle(world)
    order = world.sendcloud.orders[INTEGRATION, f"afterbuy-{number}"]
    return scene.sandbox.panel.parcels_of(order) or scene.sandbox.panel.print_labels(order)


async def _meets(scene: CanaryScene, strange: Strange, *orders: int) -> None:
    scene.front.waiting.append(strange)
    await scene.run("export", *orders)
    assert strange not in scene.front.waiting, strange


def _is_over(scene: CanaryScene, strange: Strange) -> Condition:
    async def over() -> bool:
        return strange not in scene.front.waiting and not await scene.parcels.length()

    return over


def _shows(scene: CanaryScene, number: int, text: str) -> Condition:
    async def shows() -> bool:
        return text in scene.sandbox.world.afterbuy.orders[number].additional_info

    return shows


def _has_problem(scene: CanaryScene, number: int, code: str) -> Condition:
    async def has() -> bool:
        entry = await scene.ledger.get(str(number))
        return bool(entry and entry.problem and entry.problem.code == code)

    return has
