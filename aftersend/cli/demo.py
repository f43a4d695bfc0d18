"""``aftersend demo``: a merchant's day in less than a minute, and a verdict at the end."""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aftersend.cli.exit_codes import FAILED, OK, run
from aftersend.cli.options import AsJson
from aftersend.cli.output import show_json, show_text

if TYPE_CHECKING:
    from aftersend.cli.day.screen import Screen
    from aftersend.cli.day.stage import Stage


def demo(
    orders: Annotated[int, typer.Option(help="Orders in the simulated Afterbuy.", min=300, max=5000)] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, other orders.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Live through a merchant's day: export, labels, webhooks, crashes, write-back, sweep; everything is simulated.

    Exit code 0 only if every rule of the merchant was kept, judged from the two simulated systems alone.
    """
    from aftersend.cli.day.stage import Stage

    with (
        tempfile.TemporaryDirectory(prefix="aftersend-demo-") as folder,
        Stage(Path(folder), orders=orders, seed=seed) as stage,
    ):
        run(_demo(stage, keep=keep, as_json=as_json))


async def _demo(stage: "Stage", *, keep: bool, as_json: bool) -> int:
    start = time.monotonic()
    screen = _screen(as_json=as_json)
    try:
        rules = await live_through(stage, screen)
    finally:
        screen.close()
    kept = all(rule["kept"] for rule in rules)
    _tell(rules, kept=kept, seconds=time.monotonic() - start, as_json=as_json, page=stage.sandbox_url if keep else "")
    if keep:
        await _until_told(stage, as_json=as_json)
    return OK if kept else FAILED


async def live_through(stage: "Stage", screen: "Screen") -> list[dict[str, Any]]:
    """The day on a running stage; returns the rules with their counts."""
    import aiohttp

    from aftersend.cli.day.control import Control
    from aftersend.cli.day.stage import TENANT
    from aftersend.cli.day.story import Day
    from aftersend.ledger.store import Ledger
    from aftersend.redis.connection import connect
    from aftersend.sealing import Keyring
    from aftersend.secrets import SecretFiles
    from aftersend.stream.stream import Stream

    redis = connect(stage.valkey.bare_url, SecretFiles(stage.secrets_dir / "redis"), part="demo")
    keyring = Keyring(SecretFiles(stage.secrets_dir / "data-key"))
    try:
        async with aiohttp.ClientSession() as session:
            day = Day(
                stage=stage,
                control=Control(session, url=stage.sandbox_url),
                stream=Stream(redis, tenant=TENANT, name="parcels", keyring=keyring),
                requests=Stream(redis, tenant=TENANT, name="runs", keyring=keyring),
                ledger=Ledger(redis, tenant=TENANT, keyring=keyring),
                screen=screen,
            )
            return await day.happen()
    finally:
        await redis.aclose()


async def _until_told(stage: "Stage", *, as_json: bool) -> None:
    import asyncio

    from aftersend.service.run import stop_on_signals

    stop = asyncio.Event()
    stop_on_signals(stop)
    if not as_json:
        show_text(f"everything keeps running: open {stage.sandbox_url}/ and end with Ctrl-C")
    await stop.wait()


def _screen(*, as_json: bool) -> "Screen":
    import sys

    from aftersend.cli.day.screen import Lines, LiveTable, Silent

    if as_json:
        return Silent()
    if sys.stdout.isatty():
        from rich.console import Console

        return LiveTable(Console())
    return Lines()


def _tell(rules: list[dict[str, Any]], *, kept: bool, seconds: float, as_json: bool, page: str) -> None:
    import sys

    from aftersend.cli.day.screen import verdict_lines, verdict_table

    if as_json:
        show_json({"ok": kept, "seconds": round(seconds, 1), "page": page, "rules": rules})
        return
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(verdict_table(rules))
    else:
        show_text("\n".join(verdict_lines(rules)))
    word = "every rule was kept" if kept else "NOT every rule was kept"
    show_text(f"{word}: {len(rules)} rules, {seconds:.0f} s")
