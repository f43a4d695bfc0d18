"""The tutorial's commands, as they stand on its page; only the ports are free ones."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.part_kit import get
from tests.support.servers import free_port

PAGE = Path(__file__).resolve().parents[3] / "docs/guides/first-label.md"
STARTS = ("aftersend sandbox", "aftersend up")
"""Blocks that begin with this run in a terminal of their own until the end."""


def blocks(ports: dict[int, int]) -> list[str]:
    """The commands of the page, in order, with other ports."""
    text = PAGE.read_text()
    for shown, used in ports.items():
        text = text.replace(f"127.0.0.1:{shown}", f"127.0.0.1:{used}")
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@contextmanager
def running(block: str, environ: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            ["sh", "-ec", f"exec {block}"], cwd=folder, env=environ, stdout=output, stderr=output
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(120)


def wait_until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < end, f"{what} within three minutes"
        time.sleep(0.05)


def answers(port: int, path: str) -> bool:
    try:
        return get(port, path)[0] == 200
    except OSError:
        return False


def test_the_page_leads_to_a_parcel_number_in_afterbuy(tmp_path: Path) -> None:
    sandbox, public, admin = free_port(), free_port(), free_port()
    start_sandbox, files, check, start_all, export, waiting, labels, known = blocks({8088: sandbox, 8080: public})
    assert [start_sandbox.startswith(STARTS[0]), start_all.startswith(STARTS[1])] == [True, True]
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "AFTERSEND_LISTEN": f"127.0.0.1:{public}",
        "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{admin}",
    }

    def typed(block: str) -> str:
        return subprocess.run(
            ["sh", "-ec", block], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True
        ).stdout

    def state() -> Any:
        return json.loads(get(sandbox, "/control/state")[1])

    with running(f"{start_sandbox.strip()} --listen 127.0.0.1:{sandbox}", environ, tmp_path):
        wait_until(lambda: answers(sandbox, "/control/state"), "the sandbox answers")
        typed(files)
        assert "FAIL" not in typed(check)
        with running(start_all, environ, tmp_path):
            wait_until(lambda: answers(admin, "/readyz"), "all parts are ready")
            assert "export done" in typed(export)
            assert "has_parcel_number" in typed(waiting)
            assert typed(labels)
            wait_until(lambda: state()["with_tag"], "an order gets its tag")
            assert {"labelled"} <= {order["state"] for order in json.loads(typed(known))}
