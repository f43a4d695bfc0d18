"""Whatever several consumers do in whatever order, dying included: each event is in exactly one place until it is done.

Hypothesis makes up the order of steps; each is carried out on a real server by the code that the consumer uses. The
places are the stream, the delayed set and the dead letters.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.delayed import promote
from aftersend.stream.event import text_of
from aftersend.stream.pending_entries import PendingEntries, StreamEntry
from aftersend.stream.retry import DeadLetter, Delay
from aftersend.stream.stream import Stream
from aftersend.stream.wake_up import wake_up
from tests.support.stream_kit import (
    NamedParcel,
    claim_first,
    defer,
    hurry,
    move_to_dead_letters,
    opened,
    raw_dead,
)

CONSUMERS = ("one", "two", "three")


class ConsumerSteps:
    """One consumer, step by step; what it holds may have been claimed by another by now."""

    def __init__(self, stream: Stream, name: str, done: set[str]) -> None:
        self.stream = stream
        self.pending = PendingEntries(stream, name)
        self.held: dict[bytes, StreamEntry] = {}
        self.finished = done

    async def read(self) -> None:
        await self.pending.ensure_group()
        self.take(await self.pending.read(2, block_ms=1))

    async def claim(self) -> None:
        await self.pending.ensure_group()
        entry = await claim_first(self.pending)
        self.take([entry] if entry else [])

    async def claim_many(self) -> None:
        await self.pending.ensure_group()
        claimed = await self.pending.claim(await self.pending.idle(0), 0)
        assert claimed.vanished == []
        self.take(list(claimed.entries))

    def take(self, entries: list[StreamEntry]) -> None:
        self.held |= {entry.id: entry for entry in entries}
        self.pending.orphans.difference_update(entry.id for entry in entries)

    async def finish(self) -> None:
        for entry in self.one():
            await self.pending.done([entry.id])
            self.finished.add(text_of(entry.fields, b"id"))

    async def finish_many(self) -> None:
        if self.held:
            await self.pending.done(list(self.held))
            self.finished |= {text_of(entry.fields, b"id") for entry in self.held.values()}
            self.held.clear()

    async def delay(self) -> None:
        for entry in self.one():
            await defer(self.stream, self.pending.owner(entry), entry, Delay(0.0, counted=True))

    async def wait_for_upstream(self) -> None:
        for entry in self.one():
            delay = Delay(60.0, counted=True, upstream="afterbuy")
            await defer(self.stream, self.pending.owner(entry), entry, delay)

    async def give_up(self) -> None:
        for entry in self.one():
            await move_to_dead_letters(self.stream, self.pending.owner(entry), entry, DeadLetter("bug", "Bug"))

    async def renew(self) -> None:
        await self.pending.ensure_group()
        await self.pending.renew(self.held)

    async def release(self) -> None:
        await self.pending.ensure_group()
        await self.pending.release(list(self.held))
        self.held.clear()

    async def die(self) -> None:
        self.held.clear()

    def one(self) -> list[StreamEntry]:
        """The oldest in hand, let go."""
        return [self.held.pop(min(self.held))] if self.held else []


CONSUMER_STEPS: dict[str, Callable[[ConsumerSteps], Awaitable[None]]] = {
    "read": ConsumerSteps.read,
    "claim": ConsumerSteps.claim,
    "claim many": ConsumerSteps.claim_many,
    "finish": ConsumerSteps.finish,
    "finish many": ConsumerSteps.finish_many,
    "delay": ConsumerSteps.delay,
    "wait for upstream": ConsumerSteps.wait_for_upstream,
    "give up": ConsumerSteps.give_up,
    "renew": ConsumerSteps.renew,
    "release": ConsumerSteps.release,
    "die": ConsumerSteps.die,
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(["add", "promote", "wake up", "redrive", "lose group"]), st.just("")),
    st.tuples(st.sampled_from(list(CONSUMER_STEPS)), st.sampled_from(CONSUMERS)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(steps=[("read", "one"), ("lose group", ""), ("delay", "one")])
@given(steps=st.lists(STEPS, min_size=5, max_size=60))
async def test_every_event_is_in_one_place_until_it_is_done(
    redis_url: str, tmp_path: Path, steps: list[tuple[str, str]]
) -> None:
    async with opened(redis_url, tmp_path) as stream:
        await stream.redis.delete(stream.key, stream.delayed_key, stream.dead_key)
        added: set[str] = set()
        done: set[str] = set()
        players = {name: ConsumerSteps(stream, name, done) for name in CONSUMERS}
        for step, name in [("add", ""), ("add", ""), ("add", ""), *steps]:
            if name:
                await CONSUMER_STEPS[step](players[name])
            else:
                await happen(step, stream, list(players.values()), added)
        left = await places(stream)
    assert left.keys() >= added - done
    assert not left or max(left.values()) == 1


async def happen(step: str, stream: Stream, players: list[ConsumerSteps], added: set[str]) -> None:
    """What no consumer does."""
    if step == "add":
        added.add(await stream.add("parcel.changed", "webhook", NamedParcel(str(len(added)))))
    elif step == "promote":
        await hurry(stream)
        await promote(stream)
    elif step == "wake up":
        await wake_up(stream, "afterbuy")
        await promote(stream)
    elif step == "redrive":
        await DeadLetters(stream).redrive()
    else:
        await players[0].pending.ensure_group()
        await stream.redis.xgroup_destroy(stream.key, stream.group)
        for player in players:
            await player.pending.note_orphans(player.held)


async def places(stream: Stream) -> Counter[str]:
    """How often each event is there; what is delayed comes back on the stream first."""
    while await hurry(stream):
        await promote(stream)
    on_stream = [fields for _, fields in await stream.redis.xrange(stream.key)]
    return Counter(text_of(fields, b"id") for fields in [*on_stream, *await raw_dead(stream)])
