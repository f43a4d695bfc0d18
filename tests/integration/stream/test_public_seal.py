"""Events that the webhook sealed with a public key: on every way through Redis, and what an attacker may add."""

import os
from pathlib import Path
from typing import Any

import pytest

from aftersend.errors import Rejected
from aftersend.key_agreement import public_half
from aftersend.key_files import make_next_key
from aftersend.stream.dead_letters import DeadLetters
from aftersend.stream.event import Event, new_id, pack, rfc3339
from aftersend.stream.stream import Stream
from tests.support.stream_kit import (
    TENANT,
    NamedParcel,
    Recorder,
    consuming,
    hurry,
    is_empty,
    keyring_in,
    raw_dead,
    seals_in,
    until,
)


@pytest.fixture
def webhooks(stream: Stream, tmp_path: Path) -> Stream:
    """The same stream, as the webhook adds to it."""
    return Stream(stream.redis, tenant=TENANT, name="parcels", keyring=keyring_in(tmp_path), seals=seals_in(tmp_path))


async def test_both_kinds_are_handled_in_order(stream: Stream, webhooks: Stream) -> None:
    """As during an upgrade: events of an earlier webhook are still on the stream."""
    for name, each in (("old", stream), ("new", webhooks), ("old again", stream)):
        await each.add("parcel.changed", "webhook", NamedParcel(name))
    forms = [fields[b"data"][8:9] for _, fields in await stream.redis.xrange(stream.key)]
    assert forms == [b":", b"!", b":"]
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(lambda: is_empty(stream))
    assert sorted(recorder.names) == ["new", "old", "old again"]


async def test_lengths_say_nothing(stream: Stream, webhooks: Stream) -> None:
    for name in (
        "00340434161094042557",
        "01234567890123",
        "https://tracking.dpd.de/status/de_DE/parcel/01234567890123",
    ):
        await webhooks.add("parcel.changed", "webhook", NamedParcel(name))
    assert len({len(fields[b"data"]) for _, fields in await stream.redis.xrange(stream.key)}) == 1


async def test_delayed_dead_and_redriven_it_opens_as_before(stream: Stream, webhooks: Stream) -> None:
    await webhooks.add("parcel.changed", "webhook", NamedParcel("x"))
    recorder = Recorder(OSError(), Rejected("refused"))
    async with consuming(stream, recorder):
        await until(stream.delayed)
        await hurry(stream)
        await until(stream.dead)
    letters = DeadLetters(stream)
    (letter,) = await letters.list()
    assert await letters.redrive([letter.id])
    again = Recorder()
    async with consuming(stream, again):
        await until(lambda: is_empty(stream))
    assert again.names == ["x"]


async def test_an_unknown_key_is_waited_for(stream: Stream, webhooks: Stream, tmp_path: Path) -> None:
    await webhooks.add("parcel.changed", "webhook", NamedParcel("x"))
    (key,) = (path for path in (tmp_path / "data-key").iterdir() if path.name.startswith("2"))
    make_next_key(tmp_path / "data-key")
    hidden = key.rename(tmp_path / key.name)
    stream._keyring._folder._looked = float("-inf")
    recorder = Recorder()
    async with consuming(stream, recorder) as running:
        await until(stream.delayed)
        hidden.rename(tmp_path / "data-key" / hidden.name)
        stream._keyring._folder._looked = float("-inf")
        await hurry(stream)
        await until(lambda: is_empty(stream))
    assert recorder.names == ["x"]
    assert running.meter.outcomes == {"retried": 1, "done": 1}


def entry(data: bytes) -> dict[Any, Any]:
    now = rfc3339(0)
    event = Event(new_id(), "parcel.changed", now, "webhook", attempt=1, first=now, traceparent="", data=data)
    return dict(pack(event))


async def test_forged_and_damaged_events_are_dead_and_never_a_crash(
    stream: Stream, webhooks: Stream, tmp_path: Path
) -> None:
    seals, keys = seals_in(tmp_path), keyring_in(tmp_path)
    name = keys.key_id().encode()
    sealed = seals.seal(b"{}", bound=webhooks.bound("parcel.changed", new_id()))
    rest = sealed[len(name) + 1 :]
    forged = [
        entry(sealed),
        entry(name + b"!"),
        entry(name + b"!" + rest[:31]),
        entry(name + b"!" + rest[:60]),
        entry(sealed[:-1]),
        entry(name + b"!" + bytes(32) + rest[32:]),
        entry(name + b"!" + b"\x01" + bytes(31) + rest[32:]),
        entry(name + b"!" + os.urandom(32) + rest[32:]),
        entry(name + b"!" + os.urandom(200)),
        entry(name + b"!" + public_half(os.urandom(32)) + rest[32:]),
        entry(name + b":" + rest),
        entry(b"!" + rest),
        entry(b"2026!" + rest),
    ]
    for fields in forged:
        await stream.redis.xadd(stream.key, fields)
    await webhooks.add("parcel.changed", "webhook", NamedParcel("good"))
    recorder = Recorder()
    async with consuming(stream, recorder):
        await until(lambda: is_empty(stream))
    assert recorder.names == ["good"]
    assert [letter[b"reason"] for letter in await raw_dead(stream)] == [b"wrong_seal"] * len(forged)


@pytest.mark.parametrize(
    ("name", "kind", "source"),
    [
        ("parcels", "order.check", "webhook"),
        ("parcels", "parcel.changed", "sweep"),
        ("runs", "export.requested", "webhook"),
        ("runs", "parcel.changed", "webhook"),
    ],
)
async def test_only_what_the_webhook_writes_may_have_a_public_seal(
    stream: Stream, tmp_path: Path, name: str, kind: str, source: str
) -> None:
    """A stolen seal key forges webhooks, as a stolen webhook does anyway, and no requests or events of the sweep."""
    other = Stream(stream.redis, tenant=TENANT, name=name, keyring=keyring_in(tmp_path), seals=seals_in(tmp_path))  # type: ignore[arg-type]
    await other.add(kind, source, NamedParcel("forged"))  # type: ignore[arg-type]
    recorder = Recorder()
    async with consuming(other, recorder):
        await until(lambda: is_empty(other))
    assert recorder.seen == []
    assert [letter[b"reason"] for letter in await raw_dead(other)] == [b"wrong_seal"]
