"""Webhooks of the simulated Sendcloud: signature, body, retries, faults. Both outcomes of every open point."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.world.sendcloud_account import SendcloudParcel
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.sandbox_kit import NOW, Door, Receiver, a_push, a_receiver, a_sandbox, is_json, small_world


def ready(door: Door, number: int = 101) -> SendcloudParcel:
    """A labelled parcel of our integration of which no webhook was sent yet."""
    ours = door.world.sendcloud.integrations[INTEGRATION_ID]
    ours.webhook_active = False
    parcel = door.sandbox.panel.make_directly(str(number), integration=INTEGRATION_ID)
    ours.webhook_active = True
    door.world.journal.webhooks.clear()
    return parcel


async def sent(door: Door, receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(60):
        while len(receiver.bodies) < count or door.sandbox.webhook_sender.under_way:
            await asyncio.sleep(0.005)


async def test_a_label_is_sent_twice_and_signed_over_the_bytes() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        await door.push(a_push())
        await door.control("POST", "incoming/664/labels")
        await sent(door, receiver, 2)
        _, parcel = await door.sendcloud("GET", "/v2/parcels/400000001")
    first, last = sorted(receiver.documents(), key=lambda each: each["timestamp"])
    assert first["action"] == last["action"] == "parcel_status_changed"
    assert (first["parcel"]["status"]["id"], first["parcel"]["tracking_number"]) == (1001, "")
    assert last["parcel"] == parcel["parcel"]
    assert last["carrier_status_change_timestamp"] is None
    assert receiver.signed_with("sandbox-signature-key")
    assert world.journal.webhooks == {"made": 2, "delivered": 2}


@pytest.mark.parametrize(
    ("value", "key"), [("signature_key", "sandbox-signature-key"), ("secret_key", "sandbox-secret")]
)
async def test_webhook_key(value: str, key: str) -> None:
    world = small_world(webhook_key=value)  # webhook_key="signature_key" "secret_key"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 1)
    assert receiver.signed_with(key)


async def test_without_a_signature_key_the_secret_key_signs() -> None:
    world = small_world()
    world.sendcloud.integrations[INTEGRATION_ID].signature_key = ""
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 1)
    assert receiver.signed_with("sandbox-secret")


@pytest.mark.parametrize(
    ("value", "part"), [("python", b'"J\\u00f6rg M\\u00fcller", "'), ("compact", '"Jörg Müller","'.encode())]
)
async def test_webhook_json(value: str, part: bytes) -> None:
    world = small_world(webhook_json=value)  # webhook_json="python" "compact"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        await door.push(a_push())
        await door.control("POST", "incoming/664/labels")
        await sent(door, receiver, 2)
    assert part in receiver.bodies[0]
    assert receiver.signed_with("sandbox-signature-key")


@pytest.mark.parametrize(("value", "digits"), [("ms", 13), ("s", 10)])
async def test_webhook_timestamp(value: str, digits: int) -> None:
    world = small_world(webhook_timestamp=value)  # webhook_timestamp="ms" "s"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 1)
    assert len(str(receiver.documents()[0]["timestamp"])) == digits


@pytest.mark.parametrize(
    ("value", "actions"), [("off", set()), ("on", {"parcel_created", "return_delivered", "refund_requested"})]
)
async def test_extra_actions(value: str, actions: set[str]) -> None:
    world = small_world(extra_actions=value)  # extra_actions="off" "on"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        await door.push(a_push())
        await door.control("POST", "incoming/664/labels")
        await door.control("POST", "incoming/664/return")
        await sent(door, receiver, 7 if actions else 3)
    assert {each["action"] for each in receiver.documents()} == actions | {"parcel_status_changed"}


async def test_other_integrations_and_lone_returns_get_no_webhook() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        await door.push(a_push())
        order = world.sendcloud.by_id[await saved(door)]
        door.sandbox.panel.send_back(order)
        door.sandbox.panel.make_directly("101", integration=4700)
        await door.webhooks_done()
        assert receiver.bodies == []
        assert world.journal.webhooks == {"inactive": 1}
        (direct,) = [each for each in world.sendcloud.parcels if each.integration == 4700]
        assert direct.status == 1000


async def saved(door: Door) -> int:
    return int((await door.sendcloud("GET", "/v3/orders"))[1]["data"][0]["id"])


async def test_retries_grow_to_an_hour_and_end_after_ten() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        receiver.answers = [500, 404, *[503] * 20]
        door.sandbox.panel.move(ready(door), 22)
        waits = []
        for tries in range(1, 11):
            await sent(door, receiver, tries)
            waits += [each.due - world.clock.seconds() for each in door.sandbox.webhook_sender.waiting]
            world.clock.advance(timedelta(seconds=waits[-1]))
        assert waits == [300, 600, 1200, 2400, 3600, 3600, 3600, 3600, 3600]
        assert len(set(receiver.bodies)) == 1
        assert world.journal.webhooks == {"made": 1, "retried": 9, "given_up": 1}
        ours = world.sendcloud.integrations[INTEGRATION_ID]
        assert ours.failing_since == NOW
        for version in ("v2", "v3"):
            _, logs = await door.sendcloud("GET", f"/{version}/integrations/4711/logs")
            assert [each["status_code"] for each in logs["data"]] == [*[503] * 8, 404, 500]
            assert logs["data"][0]["attempt"] == 10


async def test_a_retry_that_succeeds_ends_the_failing() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        receiver.answers = [500]
        door.sandbox.webhook_sender.time_scale = 0
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 2)
        assert world.sendcloud.integrations[INTEGRATION_ID].failing_since is None
    assert world.journal.webhooks == {"made": 1, "retried": 1, "delivered": 1}


@pytest.mark.parametrize(("value", "outcome"), [("200", "retried"), ("2xx", "delivered")])
async def test_webhook_success(value: str, outcome: str) -> None:
    world = small_world(webhook_success=value)  # webhook_success="200" "2xx"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        receiver.answers = [204]
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 1)
    assert world.journal.webhooks == {"made": 1, outcome: 1}


async def test_no_listener() -> None:
    world = small_world()
    async with a_receiver(world):
        pass
    async with a_sandbox(world) as door:
        door.sandbox.panel.move(ready(door), 22)
        async with asyncio.timeout(60):
            while not world.journal.webhooks["retried"]:
                await asyncio.sleep(0.005)
        (failed,) = world.sendcloud.integrations[INTEGRATION_ID].failed
    assert (failed.status, failed.attempt) == (0, 1)


@pytest.mark.parametrize("value", ["10", "3"])
async def test_webhook_timeout(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """webhook_timeout="10" "3": passed to the HTTP client; nothing waits for it here."""
    world, seen = small_world(webhook_timeout=value), []
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        original = door.http.__class__.post

        def post(session: Any, url: str, **how: Any) -> Any:
            seen.append(how["timeout"].total)
            return original(session, url, **how)

        monkeypatch.setattr(door.http.__class__, "post", post)
        door.sandbox.panel.move(ready(door), 22)
        await sent(door, receiver, 1)
    assert seen == [float(value)]


def arm(door: Door, kind: str, **how: Any) -> None:
    door.world.faults.arm("webhook", kind, ArmedFault(**how))


async def test_lost_and_doubled() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        parcel = ready(door)
        arm(door, "lost", remaining=1)
        door.sandbox.panel.move(parcel, 22)
        assert door.sandbox.webhook_sender.unfinished == 0
        arm(door, "doubled", remaining=1)
        door.sandbox.panel.move(parcel, 3)
        await sent(door, receiver, 2)
    assert receiver.statuses() == [3, 3]
    assert world.journal.webhooks == {"made": 2, "lost": 1, "doubled": 1, "delivered": 2}


async def test_reordered() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        parcel = ready(door)
        arm(door, "reordered", remaining=1)
        door.sandbox.panel.move(parcel, 22)
        assert door.sandbox.webhook_sender.unfinished == 1
        door.sandbox.panel.move(parcel, 3)
        await sent(door, receiver, 1)
        world.clock.advance(timedelta(seconds=1))
        await sent(door, receiver, 2)
        arm(door, "reordered")
        door.sandbox.panel.move(parcel, 11)
        assert (await door.control("DELETE", "faults"))[0] == 200
        world.clock.advance(timedelta(seconds=1))
        await sent(door, receiver, 3)
    assert receiver.statuses() == [3, 22, 11]


async def test_delayed() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        parcel = ready(door)
        arm(door, "delayed", remaining=1, seconds=600)
        door.sandbox.panel.move(parcel, 22)
        door.sandbox.panel.move(parcel, 3)
        await sent(door, receiver, 1)
        await door.control("POST", "advance", webhooks=True)
        await sent(door, receiver, 2)
    assert receiver.statuses() == [3, 22]


async def test_garbage_and_a_bad_signature_follow_the_good_one() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        parcel = ready(door)
        arm(door, "garbage", remaining=1)
        arm(door, "bad_signature", remaining=1)
        receiver.judges = True
        door.sandbox.panel.move(parcel, 22)
        await sent(door, receiver, 3)
    valid = []
    for body, signature in zip(receiver.bodies, receiver.signatures, strict=True):
        single = Receiver(bodies=[body], signatures=[signature])
        valid.append((single.signed_with("sandbox-signature-key"), is_json(body)))
    assert sorted(valid) == [(False, True), (True, False), (True, True)]
    assert world.journal.webhooks["retried"] == 0


@pytest.mark.parametrize(
    ("value", "kind", "statuses"),
    [
        *(("no", "none", [1, 22]), ("no", "delayed", [1, 22]), ("yes", "eager", [1, 22])),
        *(("yes", "delayed", [22]), ("yes", "none", [])),
    ],
)
async def test_feedback_holds(value: str, kind: str, statuses: list[int]) -> None:
    world = small_world(feedback_holds=value)  # feedback_holds="no" "yes"
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        parcel = ready(door)
        world.sendcloud.integrations[INTEGRATION_ID].feedback_type = kind
        for status in (1, 22):
            door.sandbox.panel.move(parcel, status)
        await sent(door, receiver, len(statuses))
        assert sorted(receiver.statuses()) == statuses
