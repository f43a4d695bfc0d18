"""The folder of the operator bears the name of a module of Python: nothing may ever mistake one for the other."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOPS = {
    "aftersend",
    "aftersend_demo",
    "aftersend_exporter",
    "aftersend_kubectl",
    "aftersend_operator",
    "aftersend_sandbox",
    "aftersend_webhook",
    "aftersend_writer",
}


def test_operator_is_pythons_own_even_with_the_repository_first_on_the_path() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import importlib.util as i; print(i.find_spec('operator').origin)"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert Path(found).resolve().is_relative_to(Path(sysconfig.get_path("stdlib")).resolve())


def test_the_folder_holds_one_package_and_no_module() -> None:
    assert not list((ROOT / "operator").glob("*.py"))
    assert (ROOT / "operator/aftersend_operator/__init__.py").is_file()


def test_the_wheel_carries_our_packages_and_nothing_that_shadows(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == TOPS
