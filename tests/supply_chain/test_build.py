"""Wheel and sdist: the same bytes from two checkouts that differ in all that a checkout may differ in."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.supply_chain.audit import tracked
from tools.supply_chain.packages import ROOT


def built(folder: Path, *, mode: int, time: int, order: int) -> Path:
    """Copy the tracked files in one of two orders, with other modes and times, and build."""
    for path in sorted(tracked(), reverse=order < 0):
        copy = folder / "source" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(mode)
        os.utime(copy, (time, time))
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")]
    environment = {**os.environ, "TZ": "UTC" if order > 0 else "Asia/Tokyo", "PYTHONHASHSEED": str(order + 1)}
    environment.pop("SOURCE_DATE_EPOCH", None)
    subprocess.run(command, cwd=folder / "source", env=environment, check=True, capture_output=True, umask=0o077)
    return folder / "dist"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("build")
    yield (
        built(folder / "one", mode=0o644, time=1_600_000_000, order=1),
        built(folder / "two", mode=0o664, time=1_795_000_000, order=-1),
    )
    shutil.rmtree(folder)


def test_the_same_sources_give_the_same_bytes(twice: tuple[Path, Path]) -> None:
    one, two = ({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in each.iterdir()} for each in twice)
    assert len(one) == 2
    assert one == two


def test_the_sdist_builds_the_same_wheel(twice: tuple[Path, Path], tmp_path: Path) -> None:
    (sdist,) = twice[0].glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        tar.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    ours, again = (next(folder.glob("*.whl")).read_bytes() for folder in (twice[0], tmp_path / "dist"))
    assert ours == again
