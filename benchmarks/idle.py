"""What does it cost to do nothing? Memory of services that wait.

    python benchmarks/idle.py [--settle SECONDS] [--json]

The three services and ``aftersend up`` with one tenant run against the simulated systems, without orders, until their
first sweep and look-ups are over; then their resident memory is read.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import aiohttp
from sight.figures import Figure, print_figures
from sight.memory import resident
from sight.waiting import until

from aftersend_demo.environment import PARTS, DemoEnvironment, free_port
from aftersend_demo.process import ChildProcess
from aftersend_demo.sandbox_control import SandboxControl


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Idle memory.")
    parser.add_argument("--settle", type=float, default=10, help="seconds between ready and the look (default 10)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(asyncio.run(idle(options.settle)), as_json=options.json)


async def idle(settle: float) -> list[Figure]:
    """Memory of each service, and of ``up`` with its Valkey."""
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=0) as demo:
        async with aiohttp.ClientSession() as http:
            control = SandboxControl(http, url=demo.sandbox_url)
            await _ready(control, [demo.ready_url(part) for part in PARTS])
            up, port = _up(demo)
            up.start()
            try:
                await _ready(control, [f"http://127.0.0.1:{port}/readyz"])
                await asyncio.sleep(settle)
                services = [Figure(f"{part}, idle", resident(demo.children[part].pid), "MB", 80) for part in PARTS]
                return [*services, *_of_up(up.pid)]
            finally:
                up.stop()


def _up(demo: DemoEnvironment) -> tuple[ChildProcess, int]:
    """``aftersend up`` for the tenant of the demo, with an embedded Valkey of its own."""
    port = free_port()
    environment = {"AFTERSEND_LISTEN": "127.0.0.1:0", "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{port}"}
    command = ["aftersend", "up", "-f", str(demo.tenant_file), "--data-dir", str(demo.folder / "data")]
    secrets = demo.folder / "own"
    for file in (demo.secrets_dir / "afterbuy", demo.secrets_dir / "sendcloud"):
        (secrets / file.name).mkdir(parents=True)
        for key in file.iterdir():
            (secrets / file.name / key.name).write_text(key.read_text())
    command += ["--secrets-dir", str(secrets)]
    return ChildProcess(command, log=demo.logs / "up.log", environment=environment), port


def _of_up(pid: int) -> list[Figure]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    valkey = sum(resident(int(child)) for child in children)
    alone = resident(pid)
    return [
        Figure("up with one tenant, idle: the process", alone, "MB"),
        Figure("up with one tenant, idle: embedded Valkey", valkey, "MB"),
        Figure("up with one tenant, idle: together", round(alone + valkey, 1), "MB", 120),
    ]


async def _ready(control: SandboxControl, urls: list[str]) -> None:
    async def answer() -> bool:
        return all([await control.answers(url) for url in urls])

    await until(answer)


if __name__ == "__main__":
    sys.exit(main())
