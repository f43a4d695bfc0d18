"""Every fault of both upstreams over the wire, and what the sandbox did meanwhile."""

import asyncio
import json
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from aftersend_sandbox.faults import KINDS, ArmedFault
from aftersend_sandbox.world.world import World
from tests.support.sandbox_kit import AUTH, TOKENS, Door, a_push, a_sandbox, codes
from tests.support.stream_kit import until

REQUEST = (
    f"<Request><AfterbuyGlobal>{TOKENS}<CallName>UpdateSoldItems</CallName></AfterbuyGlobal><Orders><Order>"
    "<OrderID>101</OrderID><AdditionalInfo>0034</AdditionalInfo></Order></Orders></Request>"
)
GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def arm(door: Door, upstream: str, kind: str, **how: object) -> None:
    how.setdefault("remaining", 1)
    door.world.faults.arm(upstream, kind, ArmedFault(**how))  # type: ignore[arg-type]


async def afterbuy(door: Door) -> tuple[int, bytes]:
    async with door.http.post(door.sandbox.afterbuy_url, data=REQUEST) as answer:
        return answer.status, await answer.read()


async def sendcloud(door: Door) -> tuple[int, bytes]:
    async with door.http.post(f"{door.sandbox.sendcloud_url}/v3/orders", json=[a_push()], headers=AUTH) as answer:
        return answer.status, await answer.read()


def written(world: World) -> bool:
    return world.afterbuy.orders[101].additional_info == "0034"


@pytest.mark.parametrize("code", [13, 14, 52, 999])
async def test_afterbuy_codes(code: int) -> None:
    async with a_sandbox() as door:
        arm(door, "afterbuy", f"code_{code}")
        assert codes(ET.fromstring((await afterbuy(door))[1])) == [code]
        assert not written(door.world)
        await afterbuy(door)
        assert written(door.world)


@pytest.mark.parametrize(
    ("upstream", "kind", "status"),
    [
        ("afterbuy", "http_500", 500),
        ("afterbuy", "http_503", 503),
        ("sendcloud", "http_500", 500),
        ("sendcloud", "http_502", 502),
        ("sendcloud", "http_503", 503),
        ("sendcloud", "html", 200),
    ],
)
async def test_pages(upstream: str, kind: str, status: int) -> None:
    async with a_sandbox() as door:
        arm(door, upstream, kind)
        got, body = await (afterbuy(door) if upstream == "afterbuy" else sendcloud(door))
    assert got == status
    assert body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(("value", "status"), [("html_200", 200), ("html_503", 503), ("code_13", 200)])
async def test_maintenance(value: str, status: int) -> None:
    async with a_sandbox(maintenance=value) as door:  # maintenance="html_200" "html_503" "code_13"
        arm(door, "afterbuy", "html")
        got, body = await afterbuy(door)
    assert got == status
    if value == "code_13":
        assert codes(ET.fromstring(body)) == [13]
    else:
        assert b"Wartungsarbeiten" in body


@pytest.mark.parametrize(
    ("kind", "part"), [("truncated", b"<Order><OrderID>61"), ("empty", b""), ("entity_bomb", b"<!ENTITY l9")]
)
async def test_broken_xml(kind: str, part: bytes) -> None:
    async with a_sandbox() as door:
        arm(door, "afterbuy", kind)
        status, body = await afterbuy(door)
    assert status == 200
    assert part in body
    if kind != "entity_bomb":
        with pytest.raises(ET.ParseError):
            ET.fromstring(body)


@pytest.mark.parametrize("upstream", ["afterbuy", "sendcloud"])
async def test_huge_answers_are_streamed(upstream: str) -> None:
    async with a_sandbox() as door:
        arm(door, upstream, "huge", size=3_000_000)
        _, body = await (afterbuy(door) if upstream == "afterbuy" else sendcloud(door))
    assert 2_900_000 < len(body) < 3_100_000


async def test_broken_json_and_empty_429() -> None:
    async with a_sandbox() as door:
        arm(door, "sendcloud", "truncated")
        with pytest.raises(ValueError, match="Unterminated"):
            json.loads((await sendcloud(door))[1])
        arm(door, "sendcloud", "empty_429")
        assert await sendcloud(door) == (429, b"")
        assert (await sendcloud(door))[0] == 201


@pytest.mark.parametrize("upstream", ["afterbuy", "sendcloud"])
async def test_reset_and_lost_answer(upstream: str) -> None:
    call = afterbuy if upstream == "afterbuy" else sendcloud
    async with a_sandbox() as door:
        arm(door, upstream, "reset")
        with pytest.raises(GONE):
            await call(door)
        assert not written(door.world)
        assert not door.world.journal.pushes
        arm(door, upstream, "lost_answer")
        with pytest.raises(GONE):
            await call(door)
        assert written(door.world) == (upstream == "afterbuy")
        assert bool(door.world.journal.pushes) == (upstream == "sendcloud")


async def test_success_without_effect() -> None:
    async with a_sandbox() as door:
        arm(door, "afterbuy", "not_shown")
        status, body = await afterbuy(door)
        assert (status, b"Success" in body, written(door.world)) == (200, True, False)
        await afterbuy(door)
        assert written(door.world)


@pytest.mark.parametrize("upstream", ["afterbuy", "sendcloud"])
async def test_half_open_and_latency(upstream: str) -> None:
    call = afterbuy if upstream == "afterbuy" else sendcloud
    async with a_sandbox() as door:
        arm(door, upstream, "half_open")
        calling = asyncio.create_task(call(door))
        await until(lambda: door.world.faults.struck[f"{upstream}/half_open"])
        assert not (await asyncio.wait({calling}, timeout=0.1))[0]
        calling.cancel()
        arm(door, upstream, "half_open", seconds=0.01)
        with pytest.raises(GONE):
            await call(door)
        arm(door, upstream, "latency", seconds=0.01)
        assert (await call(door))[0] in {200, 201}


async def test_a_fault_may_be_meant_for_some_calls() -> None:
    async with a_sandbox() as door:
        arm(door, "afterbuy", "http_500", calls=("GetSoldItems",))
        assert (await afterbuy(door))[0] == 200
        async with door.http.post(
            door.sandbox.afterbuy_url, data=REQUEST.replace("UpdateSoldItems", "GetSoldItems")
        ) as answer:
            assert answer.status == 500


@pytest.mark.parametrize(("value", "found"), [("code_14", [14]), ("served", [])])
async def test_the_quota_can_be_used_up_at_will(value: str, found: list[int]) -> None:
    async with a_sandbox(over_quota=value) as door:
        arm(door, "afterbuy", "quota")
        assert codes(ET.fromstring((await afterbuy(door))[1])) == found


def test_every_fault_has_a_meaning() -> None:
    assert all(means for kinds in KINDS.values() for means in kinds.values())
