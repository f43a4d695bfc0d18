"""The pinned packages: ``requirements/*.txt`` and the lock file of the handover page, with hashes and licences.

Licences stand in ``licences.toml``, not only in the installed packages: what an inventory says must not depend on where
it is made. ``audit`` compares both.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
REQUIREMENTS: Final = ("build", "runtime", "operator", "development")
NPM_LOCK: Final = ROOT / "web/handover/package-lock.json"
_PIN: Final = re.compile(
    r"([\w.-]+)(?:\[[\w,]+\])?==([\w.!+-]+)((?: ; [^\\\n]+)?) \\\n((?:    --hash=.*\n)*)((?:    #.*\n)*)"
)
_HASH: Final = re.compile(r"--hash=(\w+):([0-9a-f]+)")
_VIA: Final = re.compile(r"#\s+(?:via )?([\w.-]+(?:\[[\w,]+\])?)\s*(\([^)]*\))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PinnedPackage:
    """One package at one version."""

    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    """Algorithm and value in hex; one for each file that may be installed."""
    marker: str = ""
    """Where it is installed; empty = everywhere."""
    required_by: frozenset[str] = field(default=frozenset(), compare=False)
    """Names of packages; ``aftersend`` for what pyproject.toml declares."""

    @property
    def purl(self) -> str:
        """Return the package URL."""
        return f"pkg:pypi/{self.name}@{self.version.replace('!', '%21').replace('+', '%2B')}"


def pinned(name: str) -> list[PinnedPackage]:
    """Return the packages of one requirements file."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    found = list(_parsed(text))
    lines = sum(line[:1].isalnum() for line in text.splitlines())
    if len(found) != lines:
        raise ValueError(f"requirements/{name}.txt has {lines} packages, of which {len(found)} can be read")
    return found


def _parsed(text: str) -> Iterator[PinnedPackage]:
    for match in _PIN.finditer(text):
        name, version, marker, hashes, via = match.groups()
        parents = frozenset(re.sub(r"\[.*", "", each[0]) for each in _VIA.findall(via))
        yield PinnedPackage(name, version, tuple(_HASH.findall(hashes)), marker.removeprefix(" ; ").strip(), parents)


def all_pinned() -> list[PinnedPackage]:
    """Return every package of all requirements files once."""
    return sorted({each for name in REQUIREMENTS for each in pinned(name)}, key=lambda each: each.name)


def npm_packages() -> dict[str, dict[str, Any]]:
    """Return the entries of the lock file, without the page itself."""
    packages: dict[str, dict[str, Any]] = json.loads(NPM_LOCK.read_text())["packages"]
    return {path: each for path, each in packages.items() if path}


@cache
def data() -> dict[str, Any]:
    """Return ``licences.toml``: allowed licences, licences by package, accepted advisories, each with its reason."""
    return tomllib.loads((Path(__file__).with_name("licences.toml")).read_text())


def licence_of(name: str) -> str:
    """Return the SPDX expression of a package; empty if it is not listed."""
    return str(data()["packages"].get(name, ""))
