"""Check all pinned packages: ``make audit``.

    hashes      every package of requirements/ and of the handover page's lock file has a SHA-256 or SHA-512
    licences    each is known, allowed where it is used (``licences.toml``), and the one that the package names itself
    addresses   no file of the repository names a package registry: where packages come from is the machine's setting
    advisories  pip-audit over every requirements file, where advisory data can be had

Whether advisory data can be had is tried first, with a package that is known to have one: a mirror without such data
answers "nothing found" to everything. Exit code: 0 nothing found (or no advisory data here, which the last line says),
1 something found, 3 no advisory data although ``--require-advisories`` demands it.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final

from tools.supply_chain.packages import (
    REQUIREMENTS,
    ROOT,
    all_pinned,
    data,
    licence_of,
    npm_packages,
    pinned,
)

SHIPPED: Final = ("runtime", "operator")
PROBE: Final = "idna==3.6"
"""Has a published advisory (CVE-2024-3651)."""
REGISTRY: Final = re.compile(
    r"\b(?:(?:pypi|crates|npmjs|maven)\.(?:org|io|com)|pythonhosted\.org|proxy\.golang\.org)\b"
)
_OPERATORS: Final = re.compile(r"\s+(?:AND|OR)\s+|[()]")
_NO_DATA: Final = 3

PipAudit = Callable[[Sequence[str]], list[dict[str, Any]] | None]
"""Runs pip-audit with these arguments: its dependencies, or None if it could not ask."""


def hash_faults() -> Iterator[str]:
    """Yield packages without a hash."""
    for name in REQUIREMENTS:
        for each in pinned(name):
            if not any(algorithm == "sha256" for algorithm, _ in each.hashes):
                yield f"requirements/{name}.txt: {each.name} has no hash"
    for path, entry in npm_packages().items():
        if not str(entry.get("integrity", "")).startswith("sha512-"):
            yield f"package-lock.json: {path} has no hash"


def licence_faults() -> Iterator[str]:
    """Yield packages whose licence is unknown, not allowed where they are used, or another one by their own words."""
    shipped = {each.name for name in SHIPPED for each in pinned(name)}
    for name in (each.name for each in all_pinned()):
        if fault := licence_fault(licence_of(name), is_shipped=name in shipped, own=_own_expression(name)):
            yield f"{name}: {fault}"
    for path, entry in npm_packages().items():
        if fault := licence_fault(str(entry.get("license", "")), is_shipped=True, own=""):
            yield f"package-lock.json: {path}: {fault}"


def licence_fault(expression: str, *, is_shipped: bool, own: str) -> str:
    """Return what is wrong with the licence of one package, empty if it is fine; ``own`` is what the package says."""
    allowed = {*data()["allowed"]["shipped"], *(() if is_shipped else data()["allowed"]["tools"])}
    if not expression:
        return "no licence is known; read it and add it to tools/supply_chain/licences.toml"
    if own and own != expression:
        return f"its licence is {own} by its own words, {expression} in tools/supply_chain/licences.toml"
    unknown = {part for part in _OPERATORS.split(expression) if part} - allowed
    return f"the licence {', '.join(sorted(unknown))} is not allowed here" if unknown else ""


def _own_expression(name: str) -> str:
    try:
        return str(metadata(name).json.get("license_expression", ""))
    except PackageNotFoundError:  # its marker excludes this machine
        return ""


def address_faults(files: Iterable[Path]) -> Iterator[str]:
    """Yield lines that name a package registry."""
    for file in files:
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if REGISTRY.search(line.decode("utf-8", "replace")):
                yield f"{file.relative_to(ROOT)}:{number} names a package registry"


def tracked() -> list[Path]:
    """Return the files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def advisory_faults(run: PipAudit) -> list[str] | None:
    """Return packages with a known vulnerability; None if no advisory data can be had."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(f"{PROBE}\n")
        if not any(each.get("vulns") for each in run(("--no-deps", "--requirement", str(probe))) or ()):
            return None
    files = [argument for name in REQUIREMENTS for argument in ("--requirement", f"requirements/{name}.txt")]
    found = run(("--require-hashes", *files))
    if found is None:
        return None
    skipped = [f"{each['name']}: not audited ({each['skip_reason']})" for each in found if "skip_reason" in each]
    accepted = data()["accepted"]
    return skipped + [
        f"{each['name']} {each['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or 'no version'}"
        for each in found
        for known in each.get("vulns", ())
        if not {known["id"], *known.get("aliases", ())} & set(accepted)
    ]


def pip_audit(arguments: Sequence[str]) -> list[dict[str, Any]] | None:
    """Run the program; it exits with 1 for a finding, and for a network that it cannot reach."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--format=json",
        "--progress-spinner=off",
        *arguments,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    return found


def main(arguments: Sequence[str], *, run: PipAudit = pip_audit) -> int:
    """Run all checks and print what they find."""
    parser = argparse.ArgumentParser(prog="make audit")
    parser.add_argument("--require-advisories", action="store_true", help="exit 3 if no advisory data can be had")
    wanted = parser.parse_args(arguments)
    faults = [*hash_faults(), *licence_faults(), *address_faults(tracked())]
    advisories = advisory_faults(run)
    faults += advisories or ()
    for fault in faults:
        print(fault)
    print(f"{len(all_pinned())} Python and {len(npm_packages())} npm packages: {len(faults)} findings")
    if advisories is None:
        print("advisories: NOT AUDITED, no advisory data can be had here; run `make audit` where it can")
    if faults:
        return 1
    return _NO_DATA if advisories is None and wanted.require_advisories else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
