"""The consumer against a real server: every way an event can go."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from aftersend.errors import Bug, Later, Misconfigured, Rejected, Transient
from aftersend.stream.consumer import consumer_name
from aftersend.stream.event import Event
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.stream import Stream
from tests.support.stream_kit import NamedParcel, Recorder, add, consuming, hurry, is_empty, raw_dead, until

WHOLE: dict[str, str | bytes] = {
    "v": "1",
    "type": "parcel.changed",
    "id": "x",
    "time": "t",
    "source": "cli",
    "first": "t",
}


async def test_what_was_added_before_the_group_existed_is_handled(stream: Stream) -> None:
    await add(stream, "early")
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await add(stream, "late")
        await until(lambda: is_empty(stream))
    assert recorder.names == ["early", "late"]
    assert running.meter.outcomes == {"done": 2}
    assert running.heartbeats > 0


async def test_done_means_acknowledged_and_deleted(stream: Stream) -> None:
    await add(stream, "a")
    async with consuming(stream, Recorder()):
        await until(lambda: is_empty(stream))
    assert await stream.pending() == 0
    assert await stream.redis.exists(stream.key)


async def test_a_transient_error_delays_and_keeps_id_first_and_trace(stream: Stream) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    event_id = await stream.add("parcel.changed", "webhook", NamedParcel("x"), traceparent=trace)
    recorder = Recorder(Transient("timeout"))
    async with consuming(stream, recorder) as running:
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    before, after = recorder.seen
    assert (after.id, after.first, after.traceparent, after.data) == (
        event_id,
        before.first,
        before.traceparent,
        before.data,
    )
    assert (before.attempt, after.attempt) == (1, 2)
    assert after.traceparent == trace
    assert running.meter.outcomes == {"retried": 1, "done": 1}


async def redis_ms(stream: Stream) -> float:
    """The time by the clock that says what is due."""
    seconds, micros = await stream.redis.time()
    return float(seconds * 1000 + micros / 1000)


async def test_the_first_retry_is_due_five_seconds_later_by_redis_clock(stream: Stream) -> None:
    await add(stream, "x")
    before = await redis_ms(stream)
    async with consuming(stream, Recorder(Transient("timeout"))):
        await until(stream.delayed)
        ((_, due),) = await stream.redis.zrange(stream.delayed_key, 0, -1, withscores=True)
        after = await redis_ms(stream)
    assert before + 4_500 - 1 <= due <= after + 5_500 + 1


async def test_retry_after_is_obeyed(stream: Stream) -> None:
    await add(stream, "x")
    before = await redis_ms(stream)
    async with consuming(stream, Recorder(Transient("limited", retry_after=1000))):
        await until(stream.delayed)
        ((_, due),) = await stream.redis.zrange(stream.delayed_key, 0, -1, withscores=True)
        after = await redis_ms(stream)
    assert before + 1_000_000 - 1 <= due <= after + 1_100_000 + 1


async def test_later_does_not_count(stream: Stream) -> None:
    await add(stream, "x")
    recorder = Recorder(*(Later("not_yet", retry_after=0.01) for _ in range(12)))
    async with consuming(stream, recorder) as running:
        await until(lambda: running.meter.outcomes["done"])
    assert {event.attempt for event in recorder.seen} == {1}
    assert running.meter.outcomes == {"later": 12, "done": 1}


async def test_after_the_horizon_it_is_dead(stream: Stream) -> None:
    event_id = await add(stream, "x")
    recorder = Recorder(*(Transient("timeout") for _ in range(10)))
    async with consuming(stream, recorder) as running:

        async def died() -> int:
            await hurry(stream)
            return await stream.dead()

        await until(died)
    assert [event.attempt for event in recorder.seen] == [*range(1, 11)]
    (letter,) = await raw_dead(stream)
    assert letter[b"id"].decode() == event_id
    assert (letter[b"reason"], letter[b"error"], letter[b"attempts"]) == (b"exhausted", b"Transient: timeout", b"10")
    assert running.meter.outcomes == {"retried": 9, "dead": 1}
    assert await is_empty(stream)


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (Rejected("not_saved", path="parcel.address"), b"rejected", b"Rejected: not_saved at parcel.address"),
        (Bug("bad_request"), b"bug", b"Bug: bad_request"),
        (Rejected("malformed_data"), b"malformed_data", b"Rejected: malformed_data"),
    ],
)
async def test_permanent_errors_are_dead_at_once(stream: Stream, error: Exception, reason: bytes, text: bytes) -> None:
    await add(stream, "x")
    await add(stream, "neighbour")
    recorder = Recorder(error)
    async with consuming(stream, recorder) as running:
        await until(lambda: is_empty(stream))
    (letter,) = await raw_dead(stream)
    assert (letter[b"reason"], letter[b"error"]) == (reason, text)
    assert running.meter.outcomes == {"dead": 1, "done": 1}


async def test_an_unknown_exception_is_tried_again_and_its_text_goes_nowhere(stream: Stream) -> None:
    await add(stream, "x")
    recorder = Recorder(*(ValueError("Erika Mustermann") for _ in range(10)))
    async with consuming(stream, recorder):

        async def died() -> int:
            await hurry(stream)
            return await stream.dead()

        await until(died)
    (letter,) = await raw_dead(stream)
    assert (letter[b"reason"], letter[b"error"]) == (b"exhausted", b"ValueError")
    assert b"Mustermann" not in repr(letter).encode()


async def test_a_handler_that_cancels_itself_failed_like_any_other(stream: Stream) -> None:
    await add(stream, "x")

    async def suicidal(event: Event) -> None:
        if event.attempt == 1:
            raise asyncio.CancelledError

    async with consuming(stream, suicidal) as running:
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert running.meter.outcomes == {"retried": 1, "done": 1}


async def test_a_wrong_file_kills_no_event(stream: Stream) -> None:
    await add(stream, "x")
    recorder = Recorder(*(Misconfigured("secret is missing") for _ in range(10)))
    async with consuming(stream, recorder):

        async def handled() -> bool:
            await hurry(stream)
            return await is_empty(stream)

        await until(handled)
    assert [event.attempt for event in recorder.seen] == [1] * 11


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"foo": "bar"}, b"malformed_entry"),
        ({"v": "2", "id": "x"}, b"unknown_version"),
        ({"v": "1", "id": "x"}, b"malformed_entry"),
        ({"v": "1", "id": "x", "type": "parcel.exploded"}, b"unknown_type"),
        ({"v": "1", "id": b"\xff", "type": "parcel.changed"}, b"malformed_entry"),
        (
            {"v": "1", "type": "parcel.changed", "id": "x", "time": "t", "source": "moon", "first": "t"},
            b"malformed_entry",
        ),
        ({"v": "1", "type": "parcel.changed", "id": "x", "time": "t", "source": "cli", "first": "t"}, b"wrong_seal"),
        (
            {
                "v": "1",
                "type": "parcel.changed",
                "id": "x",
                "time": "t",
                "source": "cli",
                "first": "t",
                "data": "x" * 90,
            },
            b"wrong_seal",
        ),
    ],
)
async def test_an_unreadable_entry_is_dead_and_never_a_crash(
    stream: Stream, fields: dict[str, str | bytes], reason: bytes
) -> None:
    await stream.redis.xadd(stream.key, fields)  # type: ignore[arg-type]
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(lambda: is_empty(stream))
    assert recorder.seen == []
    (letter,) = await raw_dead(stream)
    assert letter[b"reason"] == reason


async def test_an_unknown_key_is_waited_for(stream: Stream, tmp_path: Path) -> None:
    await add(stream, "x")
    (key,) = (path for path in (tmp_path / "data-key").iterdir() if path.name.startswith("2"))
    hidden = key.rename(tmp_path / key.name)
    stream._keyring._folder._looked = float("-inf")
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(stream.delayed)
        hidden.rename(key)
        stream._keyring._folder._looked = float("-inf")
        await hurry(stream)
        await until(lambda: is_empty(stream))
    assert recorder.names == ["x"]
    assert running.meter.outcomes == {"retried": 1, "done": 1}


async def test_consumers_that_hold_something_are_never_forgotten(stream: Stream) -> None:
    await add(stream, "held")
    keeper, idler = PendingEntries(stream, "keeper"), PendingEntries(stream, "idler")
    await keeper.ensure_group()
    await keeper.read(1, block_ms=100)
    await add(stream, "done")
    await idler.done([entry.id for entry in await idler.read(1, block_ms=100)])
    await asyncio.sleep(0.02)
    assert await PendingEntries(stream, "me").delete_idle_consumers(10) == 1
    assert [row["name"] for row in await stream.redis.xinfo_consumers(stream.key, stream.group)] == [b"keeper"]
    await stream.redis.delete(stream.key)
    assert await idler.delete_idle_consumers(10) == 0


async def test_no_more_than_concurrency_at_once(stream: Stream) -> None:
    for number in range(30):
        await add(stream, str(number))
    inside, most = 0, 0

    async def handler(_: Event) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.005)
        inside -= 1

    async with consuming(stream, handler, concurrency=4):
        await until(lambda: is_empty(stream))
    assert most == 4


async def test_a_foreign_member_of_the_delayed_set_is_dead_not_a_blockade(stream: Stream) -> None:
    await stream.redis.zadd(stream.delayed_key, {b"\xc1 garbage": 0})
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(stream.dead)
        await add(stream, "x")
        await until(lambda: is_empty(stream))
    assert recorder.names == ["x"]


async def test_a_thousand_due_at_once_come_back_in_bounded_steps(stream: Stream) -> None:
    for number in range(250):
        await add(stream, str(number))
    handled: Counter[str] = Counter()

    async def handler(event: Event) -> None:
        if event.attempt == 1:
            raise Transient("timeout")
        handled[event.id] += 1

    async with consuming(stream, handler):

        async def all_handled() -> bool:
            await hurry(stream)
            return len(handled) == 250 and await is_empty(stream)

        await until(all_handled)
    assert set(handled.values()) == {1}


def test_a_consumer_is_named_after_its_process() -> None:
    assert consumer_name() == consumer_name()
    assert consumer_name().rpartition("-")[2].isdigit()
