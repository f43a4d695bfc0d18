"""What does it cost to do nothing? Start-up time of the command line, memory of services that wait.

    python benchmarks/idle.py [--settle SECONDS] [--json]

``aftersend --help`` is started several times, and the best time counts: the others tell about the machine. A Python
that does nothing stands beside it as the floor. The three services and ``aftersend up`` with one tenant run against the
simulated systems, without orders, until their first sweep and look-ups are over; then their resident memory is read.
"""

import argparse
import asyncio
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import aiohttp
from sight.figures import Figure, tell
from sight.memory import resident
from sight.waiting import until

from aftersend_demo.environment import PARTS, DemoEnvironment, free_port
from aftersend_demo.process import ChildProcess
from aftersend_demo.sandbox_control import SandboxControl

_STARTS = 7


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Start-up time and idle memory.")
    parser.add_argument("--settle", type=float, default=10, help="seconds between ready and the look (default 10)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    script = str(Path(sysconfig.get_path("scripts")) / "aftersend")
    figures = [
        Figure("python -c pass", fastest([sys.executable, "-c", "pass"]), "s"),
        Figure("aftersend --help", fastest([script, "--help"]), "s", 0.4),
        *asyncio.run(idle(options.settle)),
    ]
    return tell(figures, as_json=options.json)


def fastest(command: list[str]) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(_STARTS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return round(min(times), 3)


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
