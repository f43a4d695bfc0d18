"""What it costs to have nothing to do: memory and processor time of the services, and of ``aftersend up``.

Memory is set beside a process that has imported the same libraries and does nothing at all.
"""

import time
from contextlib import ExitStack
from pathlib import Path

from aftersend_demo.environment import PARTS
from aftersend_demo.process import ChildProcess
from benchmarks.child import Child, processor_seconds, resident
from benchmarks.result import Line, Target
from benchmarks.stage import Stage, wait_until_served

_SETTLE_SECONDS, _WATCHED_SECONDS = 8, 20
_SERVICE_MB, _UP_MB = 42, 57.7
"""A service must not exceed the first, or its imports if they need more."""
_PATH = "idle"


def measure(stage: Stage, _: int) -> list[Line]:
    """Start everything, wait until the first looks are over, then watch."""
    with ExitStack() as stack:
        services = {part: _started(stage, stack, [f"aftersend-{part}"], stage.environ(part)) for part in PARTS}
        up = _started(stage, stack, _up_command(stage), stage.addresses())
        imports = stack.enter_context(Child("floors.imports"))
        imports.line()
        time.sleep(_SETTLE_SECONDS)
        shares = _share(list(services.values())), _share([up, *_children(up)])
        floor = resident(imports.pid)
        most = Target(round(max(_SERVICE_MB, floor), 1), most=True, unit="MB")
        lines = [_memory(part, resident(pid), floor, most) for part, pid in services.items()]
        together = resident(up) + sum(map(resident, _children(up)))
    lines.append(_memory("up with one tenant and its Valkey", together, floor, Target(_UP_MB, most=True, unit="MB")))
    for who, share in zip(("the three services", "up with its Valkey"), shares, strict=True):
        lines.append(
            Line(_PATH, f"processor, {who}", f"{share:.2f} %", "", "", share, Target(0.1, most=True, unit="%"))
        )
    return lines


def _memory(what: str, used: float, floor: float, target: Target) -> Line:
    return Line(_PATH, f"memory, {what}", f"{used:.1f} MB", f"{floor:.1f} MB", f"{used / floor:.2f}", used, target)


def _started(stage: Stage, stack: ExitStack, command: list[str], environ: dict[str, str]) -> int:
    process = ChildProcess(command, log=stage.logs / "idle.log", environment=environ)
    process.start()
    stack.callback(process.stop)
    wait_until_served(f"http://{environ['AFTERSEND_ADMIN_LISTEN']}/readyz")
    return process.pid


def _up_command(stage: Stage) -> list[str]:
    """``aftersend up`` for the same tenant, with data and keys of its own."""
    own = stage.folder / "own"
    for name in ("afterbuy", "sendcloud"):
        (own / name).mkdir(parents=True)
        for file in (stage.secrets_dir / name).iterdir():
            (own / name / file.name).write_text(file.read_text())
    words = ["-f", str(stage.tenant_file), "--data-dir", str(stage.folder / "data"), "--secrets-dir", str(own)]
    return ["aftersend", "up", *words]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _share(pids: list[int]) -> float:
    """Per cent of a core that these use together."""
    before = sum(map(processor_seconds, pids))
    time.sleep(_WATCHED_SECONDS)
    return (sum(map(processor_seconds, pids)) - before) / _WATCHED_SECONDS * 100
