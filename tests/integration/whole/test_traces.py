"""One order through the three real services, seen by a collector: which spans there are, and how they hang together."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.stream.pending_entries import PendingEntries
from aftersend.stream.retry import DeadLetter
from aftersend.stream.stream import Stream
from aftersend_demo.environment import PARTS, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl
from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan, receiving
from tests.support.stream_kit import move_to_dead_letters

PATIENCE = 240.0


@dataclass
class Shop:
    """The running services, and what the collector saw."""

    demo: DemoEnvironment
    control: SandboxControl
    received: OtlpReceiver
    parcels: Stream
    http: aiohttp.ClientSession

    async def command(self, *words: str) -> None:
        """Run a command of ``aftersend`` beside the services."""
        script = str(Path(sys.executable).parent / "aftersend")
        environment = self.demo.variables("exporter")
        ended = await asyncio.to_thread(
            subprocess.run, [script, *words], env={**os.environ, **environment}, check=False, capture_output=True
        )
        assert ended.returncode == 0, ended

    async def fault(self, kind: str, **more: object) -> None:
        """Let Afterbuy go wrong."""
        body = {"upstream": "afterbuy", "kind": kind, **more}
        async with self.http.post(f"{self.demo.sandbox_url}/control/faults", json=body) as answer:
            assert answer.ok

    async def give_up(self) -> set[str]:
        """Give up all events of a stream without a consumer; returns the ids of the spans that they came from."""
        entries = await PendingEntries(self.parcels, "one").read(10, block_ms=1)
        for entry in entries:
            assert await move_to_dead_letters(self.parcels, "one", entry, DeadLetter("bug", "Bug"))
        return {entry.fields[b"traceparent"].decode()[36:52] for entry in entries}

    async def span(self, right: Callable[[ReceivedSpan], bool], what: str) -> ReceivedSpan:
        """The first span that is right, as soon as it arrived."""

        async def arrived() -> bool:
            return any(map(right, self.received.spans))

        await until(arrived, what)
        return next(filter(right, self.received.spans))

    async def parent(self, span: ReceivedSpan) -> ReceivedSpan:
        """The parent of a span: it ends later, so it may arrive later."""
        return await self.span(lambda other: other.id == span.parent, f"the parent of {span.name}")


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    """Sandbox, Valkey and services with traces."""
    with receiving() as received, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        with DemoEnvironment(folder, orders=20) as demo:
            async with aiohttp.ClientSession() as session, Redis.from_url(demo.valkey.url) as redis:
                keyring = Keyring(SecretFiles(demo.secrets_dir / "data-key"))
                control = SandboxControl(session, url=demo.sandbox_url)
                for part in PARTS:
                    await until(lambda part=part: control.answers(demo.ready_url(part)), f"{part} is ready")
                parcels = Stream(redis, tenant="demo", name="parcels", keyring=keyring)
                yield Shop(demo, control, received, parcels, session)


async def test_one_orders_way_is_one_story(tmp_path: Path) -> None:
    async with shop(tmp_path) as scene:
        await scene.command("trigger", "export", "--wait")
        await scene.control.settle()
        order = (await scene.control.incoming())[0]
        await scene.control.print_labels([order])
        back = await scene.span(lambda span: _is(span, "write back", order), "the write-back")
        push = await scene.span(lambda span: _is(span, "push batch", order), "the push")
        processed = await scene.parent(back)
        sent = await scene.parent(processed)
        webhook = await scene.parent(sent)
        run = await scene.parent(push)
        asked = await scene.parent(await scene.parent(run))
        (post,) = [span for span in scene.received.spans if span.parent == push.id]
        (write,) = [span for span in scene.received.spans if span.parent == back.id and "UpdateSoldItems" in span.name]

    assert [span.name for span in (back, processed, sent)] == ["write back", "process parcels", "send parcels"]
    assert [span.kind for span in (write, processed, sent, webhook)] == ["client", "consumer", "producer", "server"]
    assert [span.service for span in (write, sent)] == ["aftersend-writer", "aftersend-webhook"]
    assert webhook.name == "POST /webhooks/sendcloud"
    assert push.id in back.links

    assert (push.name, run.name, asked.name, asked.service) == ("push batch", "export", "send runs", "aftersend-cli")
    assert post.name == "POST sendcloud /v3/orders"
    assert post.about["http.request.method"] == "POST"
    assert post.about["url.template"] == "/v3/orders"
    assert post.about["server.address"] == "127.0.0.1"
    assert processed.about["messaging.system"] == "redis"
    assert processed.about["messaging.operation.name"] == "process"
    assert processed.about["messaging.destination.name"] == "parcels"
    assert processed.about["messaging.consumer.group.name"] == "writer"
    assert processed.about["messaging.message.id"] == sent.about["messaging.message.id"]
    assert {span.about.get("aftersend.tenant") for span in scene.received.spans} == {"demo"}


async def test_the_story_survives_delay_death_and_redrive(tmp_path: Path) -> None:
    async with shop(tmp_path) as scene:
        await scene.command("trigger", "export", "--wait")
        await scene.control.settle()
        late, lost = (await scene.control.incoming())[:2]

        await scene.fault("http_503", calls=["UpdateSoldItems"], count=1)
        await scene.control.print_labels([late])
        failed = await scene.span(lambda span: span.name == "process parcels" and span.failed, "a failure")
        second = await scene.span(lambda span: span.about.get("aftersend.attempt") == 2, "another try")

        scene.demo.children["writer"].stop()
        await scene.control.print_labels([lost])
        await scene.control.drain_webhooks()
        senders = await scene.give_up()
        await scene.command("dead", "redrive", "--all")
        scene.demo.children["writer"].start()
        back = await scene.span(lambda span: _is(span, "write back", lost), "the write-back after all")
        processed = await scene.parent(back)
        redriven = await scene.parent(processed)

    assert (second.trace, second.parent) == (failed.trace, failed.parent)
    assert (second.name, second.failed) == ("process parcels", False)
    assert failed.about["aftersend.error.code"] == "http_503"

    (sender,) = [span for span in scene.received.spans if span.id in redriven.links]
    assert redriven.name == "redrive parcels"
    assert sender.name == "send parcels"
    assert sender.id in senders
    assert redriven.trace != sender.trace


def _is(span: ReceivedSpan, name: str, order: str) -> bool:
    return span.name == name and order in span.about.get("aftersend.orders", ())
