"""``aftersend sandbox``: serve a seeded world until SIGINT or SIGTERM.

The keys are fixed, since everything behind them is invented: partnerToken ``sandbox-partner``, accountToken
``sandbox-account``, publicKey ``sandbox-public``, secretKey ``sandbox-secret``, webhookSignatureKey
``sandbox-signature-key``; the integration is "J&J Aftersend", id 4711.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from aftersend_sandbox.world.world import INTEGRATION_ID, World

ADDRESSES = """\
Afterbuy   {afterbuy}   partnerToken sandbox-partner, accountToken sandbox-account
Sendcloud  {sendcloud}   publicKey sandbox-public, secretKey sandbox-secret, integration "J&J Aftersend" ({integration})
Page       {url}/
Control    {url}/control/state
Webhooks   {webhooks}   webhookSignatureKey {signature}
"""


def serve(arguments: Sequence[str]) -> int:
    """Parse the options and serve until SIGINT or SIGTERM; returns the exit code, 2 for a bad address."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(run(options))
    except OSError as error:
        host, port = options.listen
        reason = f"cannot listen on {host}:{port} ({type(error).__name__}) – name a free address with --listen"
        sys.stderr.write(f"aftersend sandbox: {reason}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aftersend sandbox", description="Simulated Afterbuy and Sendcloud.")
    parser.add_argument("--listen", default="127.0.0.1:8088", metavar="HOST:PORT", type=_address, help="one listener")
    parser.add_argument("--orders", default=300, type=_count, help="number of orders in Afterbuy (default 300)")
    parser.add_argument("--seed", default=1, type=int, help="another seed, other orders")
    parser.add_argument("--webhook-url", default="", help="where the integration's webhooks go; none: not active")
    parser.add_argument("--signature-key", default="sandbox-signature-key", help="key that signs webhooks")
    parser.add_argument("--save-seconds", default=0.2, type=float, help="delay between POST /orders and saving")
    parser.add_argument("--time-scale", default=1.0, type=float, help="0.01 makes webhook retries 100 times as fast")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a number from 0 on is wanted")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError("HOST:PORT is wanted")
    return host.strip("[]"), int(port)


def world_of(options: argparse.Namespace) -> World:
    """Make the seeded world and set up its webhook."""
    from aftersend_sandbox.seed.account import seeded_world  # noqa: PLC0415 - `--help` needs no seeds

    world = seeded_world(options.orders, now=datetime.now(UTC), seed=options.seed)
    world.sendcloud.save_seconds = options.save_seconds
    ours = world.sendcloud.integrations[INTEGRATION_ID]
    ours.webhook_url, ours.webhook_active = options.webhook_url, bool(options.webhook_url)
    ours.signature_key = options.signature_key
    return world


async def run(options: argparse.Namespace) -> None:
    """Serve, print the addresses, wait for the signal."""
    from aftersend_sandbox.server import running  # noqa: PLC0415 - `--help` needs no server

    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    host, port = options.listen
    async with running(world_of(options), host=host, port=port, time_scale=options.time_scale) as sandbox:
        text = ADDRESSES.format(
            afterbuy=sandbox.afterbuy_url,
            sendcloud=sandbox.sendcloud_url,
            integration=INTEGRATION_ID,
            url=sandbox.url,
            webhooks=options.webhook_url or "not active",
            signature=options.signature_key,
        )
        sys.stdout.write(text)
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    raise SystemExit(serve(sys.argv[1:]))
