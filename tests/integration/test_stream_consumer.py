"""The consumer against a real server: every way an event can go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from aftersend.errors import Bug, Later, Misconfigured, Rejected, Transient
from aftersend.stream.claims import NOBODY, Claims
from aftersend.stream.consumer import LONELY_DEATHS, consumer_name
from aftersend.stream.dead import bury
from aftersend.stream.delayed import defer
from aftersend.stream.event import Event
from aftersend.stream.retry import Bury, Delay, HandBack
from aftersend.stream.stream import Stream
from tests.stream_kit import FAST, Parcel, consuming, hurry, is_empty, opened, raw_dead, until


@pytest.fixture
async def stream(redis_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    async with opened(redis_url, tmp_path) as opened_stream:
        yield opened_stream


async def add(stream: Stream, name: str) -> str:
    return await stream.add("parcel.changed", "webhook", Parcel(name))


WHOLE: dict[str, str | bytes] = {
    "v": "1",
    "type": "parcel.changed",
    "id": "x",
    "time": "t",
    "source": "cli",
    "first": "t",
}


class Recorder:
    """A handler that remembers what it saw and fails as told."""

    def __init__(self, *errors: Exception | None) -> None:
        self.seen: list[Event] = []
        self.errors = list(errors)

    async def __call__(self, event: Event) -> None:
        self.seen.append(event)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    @property
    def names(self) -> list[str]:
        return [event.read(Parcel).name for event in self.seen]


async def test_what_was_added_before_the_group_existed_is_handled(stream: Stream) -> None:
    await add(stream, "early")
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await add(stream, "late")
        await until(lambda: is_empty(stream))
    assert recorder.names == ["early", "late"]
    assert running.meter.outcomes == {"done": 2}
    assert running.pulses > 0


async def test_done_means_acknowledged_and_deleted(stream: Stream) -> None:
    await add(stream, "a")
    async with consuming(stream, Recorder()):
        await until(lambda: is_empty(stream))
    assert await stream.pending() == 0
    assert await stream.redis.exists(stream.key)


async def test_a_transient_error_delays_and_keeps_id_first_and_trace(stream: Stream) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    event_id = await stream.add("parcel.changed", "webhook", Parcel("x"), traceparent=trace)
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


async def test_the_first_retry_is_due_five_seconds_later_by_redis_clock(stream: Stream) -> None:
    await add(stream, "x")
    async with consuming(stream, Recorder(Transient("timeout"))):
        await until(stream.delayed)
        seconds, micros = await stream.redis.time()
        ((_, due),) = await stream.redis.zrange(stream.delayed_key, 0, -1, withscores=True)
    assert 3_000 < due - (seconds * 1000 + micros / 1000) <= 5_500


async def test_retry_after_is_obeyed(stream: Stream) -> None:
    await add(stream, "x")
    async with consuming(stream, Recorder(Transient("limited", retry_after=1000))):
        await until(stream.delayed)
        seconds, _ = await stream.redis.time()
        ((_, due),) = await stream.redis.zrange(stream.delayed_key, 0, -1, withscores=True)
    assert 990 < due / 1000 - seconds <= 1101


async def test_later_does_not_count(stream: Stream) -> None:
    await add(stream, "x")
    recorder = Recorder(*(Later("not_yet", retry_after=0.01) for _ in range(12)))
    async with consuming(stream, recorder) as running:
        await until(lambda: running.meter.outcomes["done"])
    assert {event.attempt for event in recorder.seen} == {1}
    assert running.meter.outcomes == {"later": 12, "done": 1}


async def test_after_the_horizon_it_is_dead(stream: Stream) -> None:
    event_id = await add(stream, "x")
    recorder = Recorder(*(Transient("timeout") for _ in range(8)))
    async with consuming(stream, recorder) as running:

        async def died() -> int:
            await hurry(stream)
            return await stream.dead()

        await until(died)
    assert [event.attempt for event in recorder.seen] == [1, 2, 3, 4, 5, 6, 7, 8]
    (letter,) = await raw_dead(stream)
    assert letter[b"id"].decode() == event_id
    assert (letter[b"reason"], letter[b"error"], letter[b"attempts"]) == (b"exhausted", b"Transient: timeout", b"8")
    assert running.meter.outcomes == {"retried": 7, "dead": 1}
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
    recorder = Recorder(*(ValueError("Erika Mustermann") for _ in range(8)))
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
async def test_what_nobody_can_read_is_dead_and_never_a_crash(
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
    stream._keyring._looked = float("-inf")
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(stream.delayed)
        hidden.rename(key)
        stream._keyring._looked = float("-inf")
        await hurry(stream)
        await until(lambda: is_empty(stream))
    assert recorder.names == ["x"]
    assert running.meter.outcomes == {"retried": 1, "done": 1}


async def test_what_a_dead_consumer_held_is_taken_over_and_handled_alone(stream: Stream) -> None:
    for number in range(5):
        await add(stream, f"old{number}")
    dead = Claims(stream, "dead")
    await dead.ensure_group()
    await dead.read(5, block_ms=100)
    for number in range(20):
        await add(stream, f"new{number}")
    together: dict[str, set[str]] = {}
    inside: set[str] = set()

    async def watching(event: Event) -> None:
        name = event.read(Parcel).name
        inside.add(name)
        for _ in range(5):
            await asyncio.sleep(0.002)
            together.setdefault(name, set()).update(inside)
        inside.discard(name)

    async with consuming(stream, watching, name="heir"):
        await until(lambda: is_empty(stream))
    assert len(together) == 25
    for number in range(5):
        assert together[f"old{number}"] == {f"old{number}"}
    assert any(len(others) > 1 for others in together.values())


async def test_the_fifth_lonely_death_makes_it_poison(stream: Stream) -> None:
    await add(stream, "poison")
    claims = Claims(stream, "victim")
    await claims.ensure_group()
    await claims.read(1, block_ms=100)
    for _ in range(LONELY_DEATHS):
        assert (await claims.claim(0)).entry is not None
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(stream.dead)
    assert recorder.seen == []
    (letter,) = await raw_dead(stream)
    assert (letter[b"reason"], letter[b"attempts"]) == (b"poison", b"7")
    assert running.meter.outcomes == {"dead": 1}


async def test_the_fifth_lonely_chance_is_still_given(stream: Stream) -> None:
    await add(stream, "unlucky")
    claims = Claims(stream, "victim")
    await claims.ensure_group()
    await claims.read(1, block_ms=100)
    for _ in range(LONELY_DEATHS - 1):
        await claims.claim(0)
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(lambda: is_empty(stream))
    assert recorder.names == ["unlucky"]


async def test_long_work_keeps_its_claim_and_its_delivery_count(stream: Stream) -> None:
    await add(stream, "long")
    release = asyncio.Event()
    recorder = Recorder()

    async def long(event: Event) -> None:
        await recorder(event)
        await release.wait()

    async with consuming(stream, long, name="slow"), consuming(stream, recorder, name="eager"):
        await until(lambda: recorder.seen)
        await asyncio.sleep(3 * FAST.idle_ms / 1000)
        (row,) = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10)
        assert (row["consumer"], row["times_delivered"]) in {(b"slow", 1), (b"eager", 1)}
        release.set()
        await until(lambda: is_empty(stream))
    assert recorder.names == ["long"]


async def test_a_graceful_stop_finishes_what_is_in_flight(stream: Stream) -> None:
    await add(stream, "x")
    begun = asyncio.Event()

    async def steady(_: Event) -> None:
        begun.set()
        await asyncio.sleep(0.1)

    async with consuming(stream, steady) as running:
        await begun.wait()
        await running.stop()
    assert running.meter.outcomes == {"done": 1}
    assert await is_empty(stream)


async def test_a_graceful_stop_hands_the_rest_back_without_counting(stream: Stream) -> None:
    for number in range(3):
        await add(stream, f"n{number}")
    recorder = Recorder()

    async def stuck(event: Event) -> None:
        await recorder(event)
        await asyncio.Event().wait()

    hasty = replace(FAST, grace=0.05, idle_ms=60_000)
    async with consuming(stream, stuck, timing=hasty) as running:
        await until(lambda: len(recorder.seen) == 3)
        await running.stop()
    rows = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10)
    assert [(row["consumer"], row["times_delivered"]) for row in rows] == [(NOBODY.encode(), 0)] * 3
    assert running.meter.outcomes == {"handed_back": 3}

    together = Recorder()
    async with consuming(stream, together, name="next", timing=hasty):
        await until(lambda: is_empty(stream))
    assert sorted(together.names) == ["n0", "n1", "n2"]


async def test_handing_back_keeps_the_count_of_an_entry_seen_before(stream: Stream) -> None:
    await add(stream, "x")
    claims = Claims(stream, "one")
    await claims.ensure_group()
    await claims.read(1, block_ms=100)
    claimed = await claims.claim(0)
    assert claimed.entry is not None
    assert claimed.entry.deliveries == 2
    assert await claims.hand_back([claimed.entry.id]) == 1
    (row,) = await claims.overdue(60_000)
    assert row.deliveries == 1
    again = await claims.claim(60_000)
    assert again.entry is not None
    assert again.entry.deliveries == 2


async def test_nobody_hands_back_or_renews_what_is_not_his(stream: Stream) -> None:
    await add(stream, "x")
    one, two = Claims(stream, "one"), Claims(stream, "two")
    await one.ensure_group()
    (entry,) = await one.read(1, block_ms=100)
    assert await two.hand_back([entry.id]) == 0
    assert await two.renew([entry.id]) == 1
    assert await one.renew([entry.id]) == 0
    (row,) = await stream.redis.xpending_range(stream.key, stream.group, "-", "+", 10)
    assert (row["consumer"], row["times_delivered"]) == (b"one", 1)


async def test_a_deleted_stream_is_made_again_and_the_work_goes_on(stream: Stream) -> None:
    recorder = Recorder()
    async with consuming(stream, recorder):
        await add(stream, "before")
        await until(lambda: is_empty(stream))
        await stream.redis.delete(stream.key)
        await add(stream, "after")
        await until(lambda: recorder.names == ["before", "after"])
        await until(lambda: is_empty(stream))


async def test_what_is_in_flight_while_the_stream_is_deleted_is_not_lost(stream: Stream) -> None:
    for outcome in ("retry", "reject", "done"):
        await add(stream, outcome)
    deleted = asyncio.Event()
    inside: Counter[str] = Counter()
    errors = {"retry": Transient("timeout"), "reject": Rejected("no")}

    async def handler(event: Event) -> None:
        name = event.read(Parcel).name
        inside[name] += 1
        await deleted.wait()
        if event.attempt == 1 and name in errors:
            raise errors[name]

    async with consuming(stream, handler):
        await until(lambda: len(inside) == 3)
        await stream.redis.delete(stream.key)
        deleted.set()
        await until(stream.dead)
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert inside == {"retry": 2, "reject": 1, "done": 1}


async def test_what_is_in_flight_while_the_group_is_destroyed_is_handled_once(stream: Stream) -> None:
    """The new group starts at 0 and delivers everything again, to the very consumer that is at it."""
    for outcome in ("retry", "reject", "done"):
        await add(stream, outcome)
    release = asyncio.Event()
    inside: Counter[str] = Counter()
    errors = {"retry": Transient("timeout"), "reject": Rejected("no")}

    async def handler(event: Event) -> None:
        name = event.read(Parcel).name
        inside[name] += 1
        await release.wait()
        if event.attempt == 1 and name in errors:
            raise errors[name]

    async def delivered_again() -> bool:
        groups = await stream.redis.xinfo_groups(stream.key)
        return bool(groups) and groups[0]["pending"] == 3

    async with consuming(stream, handler) as running:
        await until(lambda: len(inside) == 3)
        await stream.redis.xgroup_destroy(stream.key, stream.group)
        await until(delivered_again)
        await until(lambda: not running.consumer._claims.orphans)
        release.set()
        await until(stream.dead)
        await until(lambda: hurry(stream))
        await until(lambda: is_empty(stream))
    assert inside == {"retry": 2, "reject": 1, "done": 1}
    assert running.meter.outcomes == {"retried": 1, "dead": 1, "done": 2}
    assert (await stream.dead(), await stream.pending()) == (1, 0)


async def test_an_entry_that_outlived_its_group_is_not_copied(stream: Stream) -> None:
    """Whoever settles it before the new group delivers it again leaves the original alone."""
    await add(stream, "x")
    claims = Claims(stream, "one")
    await claims.ensure_group()
    (entry,) = await claims.read(1, block_ms=100)
    await stream.redis.xgroup_destroy(stream.key, stream.group)
    for owner in ("one", ""):
        assert not await defer(stream, owner, entry, Delay(0.0, counted=True))
        assert not await bury(stream, owner, entry, Bury("bug", "Bug"))
    assert (await stream.length(), await stream.delayed(), await stream.dead()) == (1, 0, 0)
    await claims.ensure_group()
    assert [found.id for found in await claims.read(1, block_ms=100)] == [entry.id]


async def test_entries_handed_back_into_a_deleted_stream_survive(stream: Stream) -> None:
    await add(stream, "x")
    claims = Claims(stream, "one")
    await claims.ensure_group()
    entries = await claims.read(1, block_ms=100)
    async with consuming(stream, Recorder()) as running:
        await stream.redis.delete(stream.key)
        running.consumer._claims.orphans.add(entries[0].id)
        await running.consumer._handling.settle(entries[0], HandBack())
        await until(lambda: running.meter.outcomes["done"])
    assert await is_empty(stream)


async def test_entries_that_vanished_are_counted_as_lost(stream: Stream) -> None:
    await add(stream, "x")
    await add(stream, "y")
    claims = Claims(stream, "dead")
    await claims.ensure_group()
    entries = await claims.read(2, block_ms=100)
    await stream.redis.xdel(stream.key, *[entry.id for entry in entries])
    async with consuming(stream, Recorder()) as running:
        await until(lambda: running.meter.vanished == 2)
    assert await stream.pending() == 0


async def test_a_vanished_entry_in_our_hands_is_finished_not_lost(stream: Stream) -> None:
    await add(stream, "x")
    begun, release = asyncio.Event(), asyncio.Event()

    async def handler(event: Event) -> None:
        begun.set()
        await release.wait()
        if event.attempt == 1:
            raise Transient("timeout")

    async with consuming(stream, handler) as running:
        await begun.wait()
        await stream.redis.xtrim(stream.key, maxlen=0, approximate=False)
        await asyncio.sleep(2 * FAST.renew)
        release.set()
        await until(lambda: hurry(stream))
        await until(lambda: running.meter.outcomes["done"])
    assert running.meter.vanished == 0


async def test_consumers_that_hold_something_are_never_forgotten(stream: Stream) -> None:
    await add(stream, "held")
    keeper, idler = Claims(stream, "keeper"), Claims(stream, "idler")
    await keeper.ensure_group()
    await keeper.read(1, block_ms=100)
    await add(stream, "done")
    await idler.done([entry.id for entry in await idler.read(1, block_ms=100)])
    await asyncio.sleep(0.02)
    assert await Claims(stream, "me").tidy(10) == 1
    assert [row["name"] for row in await stream.redis.xinfo_consumers(stream.key, stream.group)] == [b"keeper"]
    await stream.redis.delete(stream.key)
    assert await idler.tidy(10) == 0


async def test_a_lonely_entry_does_not_stop_the_others_for_ever(stream: Stream) -> None:
    await add(stream, "lonely")
    dead = Claims(stream, "dead")
    await dead.ensure_group()
    await dead.read(1, block_ms=100)
    await add(stream, "long")
    release = asyncio.Event()
    recorder = Recorder()

    async def handler(event: Event) -> None:
        await recorder(event)
        if recorder.names[-1] == "long":
            await release.wait()

    async with consuming(stream, handler, timing=replace(FAST, patience=0.05)):
        await until(lambda: recorder.names == ["long"])
        await asyncio.sleep(2 * FAST.idle_ms / 1000)
        await add(stream, "fresh")
        await until(lambda: recorder.names == ["long", "fresh"])
        release.set()
        await until(lambda: is_empty(stream))
    assert recorder.names == ["long", "fresh", "lonely"]


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


async def test_what_nobody_wrote_into_the_delayed_set_is_dead_not_a_blockade(stream: Stream) -> None:
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
