"""The entry point of ``aftersend demo``: start the environment, run the scenario, print the verdict.

The verdict is that of the sandbox, from the two simulated systems alone. The exit code is 0 only if every rule of the
merchant was kept.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from aftersend.cli.exit_codes import FAILED, OK
from aftersend.cli.output import show_json, show_text
from aftersend.ledger.store import Ledger
from aftersend.observe import logs
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.service.run import stop_on_signals
from aftersend.stream.stream import Stream
from aftersend_demo.display import Display, LineDisplay, LiveDisplay, SilentDisplay, verdict_lines, verdict_table
from aftersend_demo.environment import TENANT, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl
from aftersend_demo.scenario import DemoScenario


def demo(*, orders: int, seed: int, keep: bool, as_json: bool) -> int:
    """Run the demo in a temporary folder; return the exit code."""
    logs.configure("console", "error")
    with (
        tempfile.TemporaryDirectory(prefix="aftersend-demo-") as folder,
        DemoEnvironment(Path(folder), orders=orders, seed=seed) as environment,
    ):
        return asyncio.run(_demo(environment, keep=keep, as_json=as_json))


async def _demo(environment: DemoEnvironment, *, keep: bool, as_json: bool) -> int:
    start = time.monotonic()
    display = _display(as_json=as_json)
    try:
        rules = await live_through(environment, display)
    finally:
        display.close()
    kept = all(rule["kept"] for rule in rules)
    page = environment.sandbox_url if keep else ""
    _show_verdict(rules, kept=kept, seconds=time.monotonic() - start, as_json=as_json, page=page)
    if keep:
        await _until_signal(page, as_json=as_json)
    return OK if kept else FAILED


async def live_through(environment: DemoEnvironment, display: Display) -> list[dict[str, Any]]:
    """Run the scenario in a started environment; return the rules with their counts."""
    redis = connect(environment.valkey.bare_url, SecretFiles(environment.secrets_dir / "redis"), part="demo")
    keyring = Keyring(SecretFiles(environment.secrets_dir / "data-key"))
    try:
        async with aiohttp.ClientSession() as session:
            scenario = DemoScenario(
                environment=environment,
                control=SandboxControl(session, url=environment.sandbox_url),
                stream=Stream(redis, tenant=TENANT, name="parcels", keyring=keyring),
                requests=Stream(redis, tenant=TENANT, name="runs", keyring=keyring),
                ledger=Ledger(redis, tenant=TENANT, keyring=keyring),
                display=display,
            )
            return await scenario.run()
    finally:
        await redis.aclose()


async def _until_signal(page: str, *, as_json: bool) -> None:
    """Keep everything running until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    if not as_json:
        show_text(f"everything keeps running: open {page}/ and end with Ctrl-C")
    await stop.wait()


def _display(*, as_json: bool) -> Display:
    if as_json:
        return SilentDisplay()
    return LiveDisplay(Console()) if sys.stdout.isatty() else LineDisplay()


def _show_verdict(rules: list[dict[str, Any]], *, kept: bool, seconds: float, as_json: bool, page: str) -> None:
    if as_json:
        show_json({"ok": kept, "seconds": round(seconds, 1), "page": page, "rules": rules})
        return
    if sys.stdout.isatty():
        Console().print(verdict_table(rules))
    else:
        show_text("\n".join(verdict_lines(rules)))
    word = "every rule was kept" if kept else "NOT every rule was kept"
    show_text(f"{word}: {len(rules)} rules, {seconds:.0f} s")
