"""One listener for everything: Afterbuy, Sendcloud, control API and page around one world.

``build`` puts the parts together, ``running`` serves them for as long as the block lasts (port 0 = any free one).
Requests that hang on purpose are dropped when the caller goes or the server ends, so nothing is left behind.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from aftersend_sandbox.afterbuy.server import PATH, AfterbuyServer
from aftersend_sandbox.control.api import add_control
from aftersend_sandbox.page.routes import add_page
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.sendcloud.server import SendcloudServer
from aftersend_sandbox.webhooks import WebhookSender
from aftersend_sandbox.world.world import World

LARGEST_REQUEST: Final = 32 * 1024 * 1024
GRACE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A built sandbox; ``url`` is empty until it is served."""

    app: web.Application
    world: World
    panel: Panel
    webhook_sender: WebhookSender
    url: str = ""

    @property
    def afterbuy_url(self) -> str:
        """The XML interface."""
        return f"{self.url}{PATH}"

    @property
    def sendcloud_url(self) -> str:
        """The API; /v2 and /v3 are added."""
        return f"{self.url}/api"


def build(world: World, *, time_scale: float = 1.0) -> Sandbox:
    """Build all parts around a world; ``time_scale`` compresses the waits between tries of a webhook."""
    webhook_sender = WebhookSender(world, time_scale=time_scale)
    panel = Panel(world, webhook_sender)
    app = web.Application(client_max_size=LARGEST_REQUEST)
    AfterbuyServer(world).add_to(app)
    SendcloudServer(world, panel).add_to(app)
    add_control(app, world, panel, webhook_sender)
    add_page(app, world)
    app.cleanup_ctx.append(webhook_sender.work)
    return Sandbox(app, world, panel, webhook_sender)


@asynccontextmanager
async def running(
    world: World, *, host: str = "127.0.0.1", port: int = 0, time_scale: float = 1.0
) -> AsyncIterator[Sandbox]:
    """Serve a world."""
    built = build(world, time_scale=time_scale)
    runner = web.AppRunner(built.app, access_log=None, handler_cancellation=True, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        own = runner.addresses[0][1]
        yield Sandbox(built.app, world, built.panel, built.webhook_sender, url=f"http://{host}:{own}")
    finally:
        await runner.cleanup()
