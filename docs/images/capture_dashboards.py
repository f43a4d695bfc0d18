"""Makes the pictures of both dashboards: three minutes of two simulated merchants, asked of a real Prometheus.

``dashboard_picture`` draws them, not Grafana. ``make dashboards`` runs it; it needs Debian's Prometheus and
Chromium (``apt-get install prometheus chromium``).
"""

import asyncio
import json
import math
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from dashboard_picture import WIDTH, Series, page, substituted

from aftersend_demo.environment import DOCUMENT, SECRETS, free_port
from aftersend_demo.process import ChildProcess
from aftersend_demo.sandbox_control import SandboxControl
from tests.support.chromium import chromium
from tests.support.prometheus_kit import RULES, prometheus

IMAGES = Path(__file__).parent
TENANTS = ("mueller", "schmidt")
OFTEN = "".join(f"  {kind}: {{schedule: '* * * * *'}}\n" for kind in ("export", "sweep", "backup"))
SECONDS, STEP, ORDERS = 180, 2, 120
VARIABLES = {"tenant": TENANTS[0], "cluster": ".*", "__rate_interval": "30s"}
SHOWN = {"tenant": f"Tenant {TENANTS[0]} · Cluster All · Last 3 minutes", "fleet": "Cluster All · Last 3 minutes"}
LARGEST = 300_000


def start(stack: ExitStack, folder: Path) -> tuple[list[str], str]:
    """Start a sandbox for each tenant and one ``aftersend up``; return their addresses, the last with metrics."""
    listen, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    up = ["aftersend", "up", "--data-dir", f"{folder}/data", "--secrets-dir", f"{folder}/secrets"]
    up += ["--backup-target", f"{folder}/backups"]
    commands, sandboxes = [up], []
    for number, name in enumerate(TENANTS):
        address, hook = f"127.0.0.1:{free_port()}", f"http://{listen}/webhooks/sendcloud/{name}"
        (folder / name).write_text(DOCUMENT.format(name=name, sandbox=f"http://{address}") + OFTEN)
        for path, value in ((f"{kind}/{key}", value) for kind in SECRETS for key, value in SECRETS[kind].items()):
            file = folder / "secrets" / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(value)
        up += ["-f", f"{folder}/{name}"]
        sandbox = ["aftersend", "sandbox", "--listen", address, "--webhook-url", hook]
        commands.insert(0, [*sandbox, "--orders", str(ORDERS), "--seed", str(number + 1)])
        sandboxes.append(f"http://{address}")
    for command in commands:
        environment = {"AFTERSEND_LISTEN": listen, "AFTERSEND_ADMIN_LISTEN": admin}
        process = ChildProcess(command, log=folder / "log", environment=environment)
        process.start()
        stack.callback(process.stop)
    return sandboxes, admin


async def live(url: str) -> None:
    """Let orders come in one after another, and labels be printed, replaced and cancelled."""
    chance, printed, end = Random(), set[str](), time.monotonic() + SECONDS  # noqa: S311 - a picture, no secret
    async with aiohttp.ClientSession() as session:
        control = SandboxControl(session, url=url)
        while not await control.answers(f"{url}/control/state"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
        await control.arm_webhook_faults({"lost": 0.08, "doubled": 0.12, "reordered": 0.12})
        for order in (await control.orders())[ORDERS // 3 :]:
            await control.show(str(order["order_id"]), seconds=chance.uniform(0, SECONDS))
        while time.monotonic() < end:
            waiting = [order for order in await control.incoming() if order not in printed][: chance.choice((0, 1, 3))]
            await control.print_labels(waiting)
            printed.update(waiting)
            if waiting and chance.random() < 0.2:  # noqa: PLR2004 - now and then
                await chance.choice((control.relabel, control.deliver, control.cancel))(waiting[0])
            await asyncio.sleep(chance.uniform(0.5, 2.5))


def asked(url: str, panel: dict[str, Any], end: float) -> list[Series]:
    """Ask for all queries of a panel: a range for lines, the last value for bars and tables."""
    found = []
    for target in panel.get("targets", ()):
        query = {"query": substituted(target["expr"], VARIABLES), "time": end}
        query |= {"start": end - SECONDS, "end": end, "step": STEP}
        path = "query" if target.get("instant") else "query_range"
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}") as answer:  # noqa: S310 - ours
            results = json.load(answer)["data"]["result"]
        for each in results:
            values = [(float(at), float(value)) for at, value in each.get("values", [each.get("value")])]
            if points := [point for point in values if math.isfinite(point[1])]:
                found.append(Series(each["metric"], points, target.get("legendFormat") or "", target["refId"]))
    return found


async def photograph(text: str, target: Path) -> None:
    """Open a page and take its picture, from top to bottom."""
    async with chromium() as browser:
        tab = await browser.new_page(viewport={"width": WIDTH, "height": 600})
        await tab.set_content(text)
        size = len(await tab.screenshot(path=target, full_page=True))
    if size > LARGEST:
        raise SystemExit(f"{target.name} is larger than 300 kB: {size}")


async def main() -> None:
    """Live, ask, draw."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandboxes, admin = start(stack, folder)
        nowhere = "http://127.0.0.1:9"
        found = stack.enter_context(prometheus(folder, targets=[admin], factor=1, alertmanager=nowhere))
        await asyncio.gather(*map(live, sandboxes))
        end = time.time()
        for name, shown in SHOWN.items():
            board = json.loads((RULES.parent / f"dashboards/aftersend-{name}.json").read_text())
            answers = {panel["id"]: asked(found.url, panel, end) for panel in board["panels"]}
            await photograph(page(board, shown, answers), IMAGES / f"dashboard-{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
