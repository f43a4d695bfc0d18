"""A hanging test is named, with what its tasks wait for."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HANGING = """
import asyncio

async def never_comes():
    await asyncio.Event().wait()

async def test_waits():
    await asyncio.create_task(never_comes())
"""


def test_the_hanging_test_and_its_tasks_are_named(tmp_path: Path) -> None:
    (tmp_path / "test_stuck.py").write_text(HANGING)
    options = ["-c", "pyproject.toml", "-p", "tests.conftest", "--timeout=8", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 1
    assert "::test_waits hangs; its tasks:" in ended.stdout
    assert "in never_comes\n    await asyncio.Event().wait()" in ended.stdout
