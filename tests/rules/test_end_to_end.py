"""From a broken part to the right phone, and back: everything real, on one machine.

The sandbox, three services, Prometheus with the chart's rules and Alertmanager with the chart's configuration; a sink
takes the place of pager, chat and mail server. Times of rules and routes are divided (``prometheus_kit``), those of
the services are not: what they read from Redis shows up to a minute later.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from aftersend.stream.dead_letters import DeadLetters
from aftersend_demo.display import SilentDisplay
from aftersend_demo.environment import DOCUMENT, PARTS, SECRETS, TENANT, DemoEnvironment
from aftersend_demo.main import live_through
from tests.support.alertmanager_kit import addressed, alertmanager, configuration, hurried
from tests.support.chaos.scene import Scene, scene
from tests.support.notice_sink import SentNotification, Sink, sink
from tests.support.prometheus_kit import RUNBOOKS, Prometheus, prometheus

SCHEDULES = """\
  export: {schedule: "0 4 29 2 *"}
  sweep: {schedule: "0 4 29 2 *"}
"""
"""Runs are asked for by the test: none is due while it runs, whatever the time of day."""
HURRY, CALM = 60, 10
"""By what the times of rules and routes are divided; on a day that no alert has to be waited for, by less."""
PATIENCE = 240.0


class WatchedEnvironment(DemoEnvironment):
    """The environment of the demo, whose exporter keeps the schedules and makes no backups."""

    def variables(self, part: str) -> dict[str, str]:
        """The settings of one service."""
        return {**super().variables(part), "AFTERSEND_SCHEDULER": "all"}

    def _write_files(self) -> None:
        super()._write_files()
        self.tenant_file.write_text(DOCUMENT.format(name=TENANT, sandbox=self.sandbox_url) + SCHEDULES)


@dataclass
class Watch:
    """A running scene, its Prometheus and Alertmanager, and the notices so far."""

    scene: Scene
    prometheus: Prometheus
    sink: Sink
    expected: set[str] = field(default_factory=set)
    """Names of the alerts that were waited for."""

    async def notified(self, alert: str, channels: set[str]) -> None:
        """Wait until each of these channels has the alert, with merchant and runbook."""
        self.expected.add(alert)
        for channel in sorted(channels):
            notice = await self._received(partial(_is_about, alert, channel, resolved=False))
            assert f"{RUNBOOKS}/{alert}.md" in str(notice)
            assert TENANT in str(notice) or alert == "AftersendUpstreamDown"

    async def over(self, alert: str, channels: set[str]) -> None:
        """The same channels hear that all is well again."""
        for channel in sorted(channels):
            await self._received(partial(_is_about, alert, channel, resolved=True))

    async def _received(self, wanted: Callable[[SentNotification], bool]) -> SentNotification:
        return await asyncio.to_thread(self.sink.wait_for, wanted, patience=PATIENCE)


PAGER, OFFICE = {"pagerduty", "webhook"}, {"chat", "mail"}


def _is_about(alert: str, channel: str, notice: SentNotification, *, resolved: bool) -> bool:
    return notice.channel == channel and notice.resolved == resolved and alert_of(notice) == alert


def alert_of(notice: SentNotification) -> str:
    """The name of the alert, wherever the channel says it."""
    if notice.channel == "pagerduty":
        return str(notice.body["payload"]["class"])
    if notice.channel == "webhook":
        return str(notice.body["groupLabels"]["alertname"])
    if notice.channel == "mail":
        return str(notice.body["x-aftersend-alert"])
    return str(notice.body["attachments"][0]["title_link"]).removeprefix(f"{RUNBOOKS}/").removesuffix(".md")


@asynccontextmanager
async def watched(folder: Path, *, orders: int, factor: float) -> AsyncIterator[Watch]:
    """A scene with its watchers, once Prometheus has seen every part."""
    async with scene(folder / "stage", orders=orders, kind=WatchedEnvironment) as running:
        targets = [f"127.0.0.1:{port}" for port in running.demo.admin_ports.values()]
        with sink() as received:
            config = hurried(addressed(configuration(), received, folder, "en"), factor)
            with (
                alertmanager(config, folder) as manager,
                prometheus(folder, targets=targets, factor=factor, alertmanager=manager.url) as watching,
            ):
                watch = Watch(running, watching, received)
                await running.until(partial(_all_seen, watch), "Prometheus has seen every part")
                yield watch


async def _all_seen(watch: Watch) -> bool:
    series = await asyncio.to_thread(watch.prometheus.ask, "aftersend:parts_of_target")
    return {each["metric"]["part"] for each in series} == set(PARTS)


# What breaks, and how it is mended


async def _writer_dies(watch: Watch) -> None:
    watch.scene.demo.children["writer"].kill()
    await watch.notified("AftersendPartMissing", PAGER)
    watch.scene.demo.children["writer"].start()
    await watch.over("AftersendPartMissing", PAGER)


async def _credentials_are_refused(watch: Watch) -> None:
    """By Afterbuy, to the writer; the change of a secret in use is reported, too."""
    token = watch.scene.demo.secrets_dir / "afterbuy" / "accountToken"
    token.write_text("no-longer-valid")
    await watch.scene.control.print_labels((await watch.scene.control.incoming())[:1])
    await watch.notified("AftersendCredentialsRefused", OFFICE)
    token.write_text(SECRETS["afterbuy"]["accountToken"])
    await watch.notified("AftersendSecretChanged", OFFICE)
    await watch.over("AftersendCredentialsRefused", OFFICE)


async def _redis_forgets(watch: Watch) -> None:
    await watch.scene.parcels.redis.config_set("appendonly", "no")
    await watch.notified("AftersendRedisNotDurable", PAGER)
    await watch.scene.parcels.redis.config_set("appendonly", "yes")
    await watch.over("AftersendRedisNotDurable", PAGER)


async def _sendcloud_is_away(watch: Watch) -> None:
    await watch.scene.control.arm("sendcloud", "http_503")
    await watch.scene.run("sweep")
    await watch.notified("AftersendUpstreamDown", OFFICE)
    await watch.scene.control.disarm()
    await watch.scene.complete_run("sweep")
    await watch.over("AftersendUpstreamDown", OFFICE)


async def _an_event_is_given_up(watch: Watch) -> None:
    letters = DeadLetters(watch.scene.requests)
    await watch.scene.requests.redis.xadd(watch.scene.requests.key, {"v": "of tomorrow"})
    await watch.notified("AftersendDeadLetters", OFFICE)
    assert await letters.drop([letter.id for letter in await letters.list()]) == 1
    await watch.over("AftersendDeadLetters", OFFICE)


async def _one_after_the_other(watch: Watch, *acts: Callable[[Watch], Awaitable[None]]) -> None:
    for act in acts:
        await act(watch)


async def test_each_failure_notifies_its_channel_and_again_when_it_is_over(tmp_path: Path) -> None:
    async with watched(tmp_path, orders=20, factor=HURRY) as watch:
        await watch.scene.complete_run("export")
        await watch.scene.control.settle()
        async with asyncio.TaskGroup() as group:
            group.create_task(_redis_forgets(watch))
            group.create_task(_one_after_the_other(watch, _writer_dies, _credentials_are_refused))
            group.create_task(_one_after_the_other(watch, _an_event_is_given_up, _sendcloud_is_away))
        assert {alert_of(notice) for notice in watch.sink.notices} == watch.expected


async def test_the_whole_day_of_the_demo_sends_no_notice(tmp_path: Path) -> None:
    """Lost and doubled webhooks, people at work on both sides, a writer and a webhook that die and come back."""
    async with watched(tmp_path, orders=300, factor=CALM) as watch:
        rules_of_the_merchant = await live_through(watch.scene.demo, SilentDisplay())
        assert [rule for rule in rules_of_the_merchant if not rule["kept"]] == []
        end = time.time()
        await watch.scene.until(partial(_evaluated_since, watch, end), "all rules have seen the end of the day")
        await watch.scene.until(partial(_nothing_is_left, watch), "every pending alert is over, or notified")
        rules = watch.prometheus.rules()
        assert not [rule for rule in rules if rule["health"] != "ok"]
        assert watch.prometheus.firing() == []
        assert watch.sink.notices == []


async def _nothing_is_left(watch: Watch) -> bool:
    active = await asyncio.to_thread(watch.prometheus.active)
    return not active or bool(await asyncio.to_thread(watch.prometheus.firing))


async def _evaluated_since(watch: Watch, moment: float) -> bool:
    rules: list[dict[str, Any]] = await asyncio.to_thread(watch.prometheus.rules)
    return all(datetime.fromisoformat(rule["lastEvaluation"]).timestamp() > moment for rule in rules)
