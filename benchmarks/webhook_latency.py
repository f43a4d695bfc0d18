"""How long does Sendcloud wait for the answer to a webhook?

    python benchmarks/webhook_latency.py [--rate 200] [--seconds 20] [--json]

The webhook service is a process of its own, Valkey writes to disk at every command, the writer drains beside it. Calls
start by the clock, whether or not earlier ones are answered: a slow answer cannot hide the wait of those behind it. The
time of a call runs from when it was due to the last byte of its answer.
"""

import argparse
import asyncio
import hashlib
import hmac
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import msgspec
from sight.figures import Figure, print_figures
from sight.waiting import until

from aftersend_demo.environment import PARTS, SECRETS, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Latency of the webhook service.")
    parser.add_argument("--rate", type=int, default=200, help="webhooks per second (default 200)")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(asyncio.run(measure(options.rate, options.seconds)), as_json=options.json)


async def measure(rate: int, seconds: int) -> list[Figure]:
    """All calls of the time, one after the other by the clock."""
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=0) as demo:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            control = SandboxControl(http, url=demo.sandbox_url)
            await until(lambda: _are_ready(control, demo))
            begin = time.perf_counter() + 0.5
            calls = [_call(http, demo.webhook_url, number, begin + number / rate) for number in range(rate * seconds)]
            answers = await asyncio.gather(*calls)
    times = sorted(taken for _, taken in answers)
    refused = sum(status != 200 for status, _ in answers)
    return [
        Figure("webhooks per second", rate, "1/s"),
        Figure("webhooks not answered with 200", refused, "", 0),
        Figure("answer, median", _share(times, 0.5), "ms"),
        Figure("answer, 99 of 100", _share(times, 0.99), "ms", 100),
        Figure("answer, slowest", _share(times, 1.0), "ms"),
    ]


async def _are_ready(control: SandboxControl, demo: DemoEnvironment) -> bool:
    return all([await control.answers(demo.ready_url(part)) for part in PARTS])


async def _call(http: aiohttp.ClientSession, url: str, number: int, due: float) -> tuple[int, float]:
    """Status and milliseconds since the call was due."""
    await asyncio.sleep(due - time.perf_counter())
    status = await send(http, url, number)
    return status, (time.perf_counter() - due) * 1000


async def send(http: aiohttp.ClientSession, url: str, number: int) -> int:
    """Send a signed webhook; returns the status of the answer."""
    body = _body(number)
    key = SECRETS["sendcloud"]["webhookSignatureKey"].encode()
    headers = {"Sendcloud-Signature": hmac.new(key, body, hashlib.sha256).hexdigest()}
    async with http.post(url, data=body, headers=headers) as response:
        await response.read()
        return response.status


def _body(number: int) -> bytes:
    """A parcel of ours with a label, and the padding of a real one."""
    parcel = {
        "id": 1000 + number,
        "status": {"id": 1000, "message": "Ready to send"},
        "tracking_number": f"00340434{number:012}",
        "tracking_url": f"https://tracking.example/{number}",
        "carrier": {"code": "dhl_de"},
        "external_order_id": f"afterbuy-{500_000 + number}",
        "order_number": str(500_000 + number),
        "name": "Erna Muster",
        "address": "Beispielweg 1",
        "parcel_items": [{"description": "Teekanne " * 20, "quantity": 1, "weight": "1.200"}] * 3,
    }
    return msgspec.json.encode(
        {"action": "parcel_status_changed", "timestamp": int(time.time() * 1000), "parcel": parcel}
    )


def _share(times: list[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(len(times) * share))], 1)


if __name__ == "__main__":
    sys.exit(main())
