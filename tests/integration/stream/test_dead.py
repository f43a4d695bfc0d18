"""Dead letters: listed, shown, put back, dropped; nothing of them personal."""

from collections.abc import Iterator

import msgspec
import pytest

from aftersend.errors import Rejected
from aftersend.observe.traces import start_tracing, stop_tracing
from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.event import Event, seconds_of
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import DeadLetter
from aftersend.stream.stream import Stream
from tests.support.stream_kit import (
    NamedParcel,
    Recorder,
    claim_first,
    consuming,
    is_empty,
    move_to_dead_letters,
    until,
)

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


async def die(stream: Stream, *names: str) -> list[str]:
    """Let events of those names die; returns their ids."""

    async def refuse(_: Event) -> None:
        raise Rejected("not_saved", path="parcel.city")

    ids = [await stream.add("parcel.changed", "sweep", NamedParcel(name), traceparent=TRACE) for name in names]
    async with consuming(stream, refuse):
        await until(lambda: is_empty(stream))
    return ids


async def test_the_list_says_what_and_why(stream: Stream) -> None:
    (event_id,) = await die(stream, "Erika")
    (letter,) = await DeadLetters(stream).list()
    assert msgspec.to_builtins(letter) == {
        "id": event_id,
        "type": "parcel.changed",
        "reason": "rejected",
        "error": "Rejected: not_saved at parcel.city",
        "attempts": 1,
        "first": letter.first,
        "time": letter.time,
    }
    assert (seconds_of(letter.first) or 0) <= (seconds_of(letter.time) or 0)


async def test_one_is_shown_by_either_id_and_never_its_content(stream: Stream) -> None:
    one, _ = await die(stream, "one", "two")
    letters = DeadLetters(stream)
    details = await letters.show(one)
    assert details is not None
    assert (details.id, details.source, details.traceparent, details.bytes > 40) == (one, "sweep", TRACE, True)
    assert await letters.show(details.entry) == details
    assert await letters.show("nothing") is None


async def test_redriven_ones_start_anew_and_stay_themselves(stream: Stream) -> None:
    one, two = await die(stream, "one", "two")
    letters = DeadLetters(stream)
    before = await letters.show(one)
    assert await letters.redrive([one, "nothing"]) == 1
    assert [letter.id for letter in await letters.list()] == [two]
    seen: list[Event] = []

    async def handler(event: Event) -> None:
        seen.append(event)

    async with consuming(stream, handler):
        await until(lambda: is_empty(stream))
    (event,) = seen
    assert before is not None
    assert (event.id, event.attempt, event.first, event.traceparent) == (one, 1, before.first, TRACE)
    assert event.read(NamedParcel).name == "one"


async def test_all_are_redriven_once(stream: Stream) -> None:
    ids = await die(stream, *(str(number) for number in range(230)))
    letters = DeadLetters(stream)
    assert len(await letters.list()) == 230
    assert await letters.redrive() == 230
    assert await letters.redrive() == 0
    assert await stream.length() == 230
    again = await die(stream)
    assert again == []
    assert {letter.id for letter in await letters.list()} == set(ids)


async def test_dropped_ones_are_gone(stream: Stream) -> None:
    one, two = await die(stream, "one", "two")
    letters = DeadLetters(stream)
    assert await letters.drop(["nothing"]) == 0
    assert await letters.drop([one]) == 1
    assert [letter.id for letter in await letters.list()] == [two]


async def test_what_never_was_an_event_goes_by_its_entry(stream: Stream) -> None:
    await stream.redis.xadd(stream.key, {"foo": "bar"})
    await die(stream)
    letters = DeadLetters(stream)
    (letter,) = await letters.list()
    assert (letter.type, letter.reason, letter.attempts) == ("", "malformed_entry", 1)
    assert await letters.redrive([letter.id]) == 1
    await die(stream)
    (again,) = await letters.list()
    assert again.reason == "malformed_entry"
    assert await letters.drop([again.id]) == 1


async def test_verdict_fields_do_not_pile_up(stream: Stream) -> None:
    (one,) = await die(stream, "one")
    letters = DeadLetters(stream)
    await letters.redrive([one])
    ((_, fields),) = await stream.redis.xrange(stream.key)
    assert sorted(fields) == sorted(
        [b"v", b"id", b"type", b"time", b"source", b"attempt", b"first", b"traceparent", b"data"]
    )
    await die(stream)
    (letter,) = await letters.list()
    assert letter.attempts == 1


async def test_a_consumer_that_lost_its_claim_moves_nothing_to_the_dead_letters(stream: Stream) -> None:
    await stream.add("parcel.changed", "sweep", NamedParcel("x"))
    one, two = PendingEntries(stream, "one"), PendingEntries(stream, "two")
    await one.ensure_group()
    (entry,) = await one.read(1, block_ms=100)
    assert await claim_first(two) is not None
    assert not await move_to_dead_letters(stream, "one", entry, DeadLetter("bug", "Bug"))
    assert await stream.dead() == 0
    assert await move_to_dead_letters(stream, "two", entry, DeadLetter("bug", "Bug"))
    assert not await move_to_dead_letters(stream, "two", entry, DeadLetter("bug", "Bug"))
    assert (await stream.dead(), await stream.length()) == (1, 0)


@pytest.fixture
def traced() -> Iterator[None]:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    start_tracing("test", exporter=InMemorySpanExporter())
    yield
    stop_tracing()


@pytest.mark.usefixtures("traced")
async def test_a_redriven_event_starts_a_new_trace(stream: Stream) -> None:
    (one,) = await die(stream, "one")
    await DeadLetters(stream).redrive([one])
    ((_, fields),) = await stream.redis.xrange(stream.key)
    assert fields[b"traceparent"].startswith(b"00-")
    assert fields[b"traceparent"].decode()[3:35] != TRACE[3:35]


async def test_they_end_after_ninety_days(stream: Stream) -> None:
    seconds, _ = await stream.redis.time()
    day = 86_400_000
    for age in (200 * day, 90 * day + 60_000, 90 * day - 60_000):
        await stream.redis.xadd(stream.dead_key, {"id": f"{age}"}, id=f"{seconds * 1000 - age}-0")
    async with consuming(stream, Recorder()):
        await until(lambda: _count_is(stream, 1))
    ((_, fields),) = await stream.redis.xrange(stream.dead_key)
    assert fields == {b"id": f"{90 * day - 60_000}".encode()}
    assert await DeadLetters(stream).expire() == 0


async def _count_is(stream: Stream, count: int) -> bool:
    return await stream.dead() == count
