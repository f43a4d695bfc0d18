"""Dependencies are declared once, in pyproject.toml: what is imported stands there, and what stands there is pinned."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest

from aftersend_operator.main import EXTRA as LOOKED_FOR

ROOT = Path(__file__).resolve().parents[3]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [ROOT / package for package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
OPERATOR = "aftersend_operator"
NEVER_IMPORTED = {"tzdata"}
"""The time zones of ``zoneinfo``, where the system has none."""


def names(requirements: Iterable[object]) -> set[str]:
    """The normalized names of requirements; groups that are included are left out."""
    found = (re.match(r"[\w.-]+", one) for one in requirements if isinstance(one, str))
    return {normalized(match[0]) for match in found if match}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


RUNTIME = names(PYPROJECT["project"]["dependencies"])
EXTRA = names(PYPROJECT["project"]["optional-dependencies"]["operator"])
BUILD = names(PYPROJECT["dependency-groups"]["build"])
DEVELOPMENT = names(PYPROJECT["dependency-groups"]["development"])
PINNED = {
    "build": BUILD,
    "runtime": RUNTIME,
    "operator": RUNTIME | EXTRA,
    "development": RUNTIME | EXTRA | BUILD | DEVELOPMENT,
}


@cache
def owners() -> dict[str, str]:
    """Module to declared distribution, by the installed files: packages such as ``opentelemetry`` belong to several."""
    found = {}
    for name in RUNTIME | EXTRA:
        for file in distribution(name).files or ():
            if file.suffix in (".py", ".so"):
                module = [*file.parts[:-1], file.name.partition(".")[0]]
                found[".".join(module).removesuffix(".__init__")] = name
    return found


def imported(package: Path) -> Iterator[tuple[str, str]]:
    """Each third-party name that a module of the package imports, inside functions as well, with its place."""
    ours = {other.name for other in PACKAGES}
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            for name in imports(node):
                if name.partition(".")[0] not in sys.stdlib_module_names | ours:
                    yield name, f"{file.relative_to(ROOT)}:{node.lineno}"


def imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def owner(name: str) -> str:
    """The declared distribution of a module, or of the module that holds the name; empty if there is none."""
    while name and name not in owners():
        name = name.rpartition(".")[0]
    return owners().get(name, "")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_what_a_package_imports_is_declared(package: Path) -> None:
    declared = RUNTIME | EXTRA if package.name == OPERATOR else RUNTIME
    missing = [f"{place} imports {name}" for name, place in imported(package) if owner(name) not in declared]
    assert not missing


def test_what_is_declared_is_imported() -> None:
    by_operator = {owner(name) for package in PACKAGES if package.name == OPERATOR for name, _ in imported(package)}
    by_others = {owner(name) for package in PACKAGES if package.name != OPERATOR for name, _ in imported(package)}
    assert by_others | NEVER_IMPORTED == RUNTIME
    assert by_operator >= EXTRA
    assert not EXTRA & RUNTIME
    assert set(LOOKED_FOR) == EXTRA


@pytest.mark.parametrize("name", PINNED)
def test_the_pinned_file_holds_what_is_declared(name: str) -> None:
    """``make requirements`` writes beside each pinned package who asks for it."""
    pinned = re.findall(
        r"^([\w.-]+)(?:\[\w+\])?==(?:.*\\\n)(?:    --hash=.*\n)+((?:    #.*\n)+)",
        (ROOT / f"requirements/{name}.txt").read_text(),
        re.MULTILINE,
    )
    assert {normalized(package) for package, why in pinned if "(pyproject.toml" in why} == PINNED[name]


def test_nothing_is_declared_elsewhere() -> None:
    assert {file.name for file in (ROOT / "requirements").iterdir()} == {f"{name}.txt" for name in PINNED}
    assert names(PYPROJECT["build-system"]["requires"]) <= BUILD
    assert PYPROJECT["build-system"]["requires"][0] in PYPROJECT["dependency-groups"]["build"]
