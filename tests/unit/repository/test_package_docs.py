"""The docstring of a package leads its reader: it names each module, in reading order."""

import re
from pathlib import Path

import pytest

from tests.support.sources import PRODUCT, ROOT, docstring

PACKAGES = {str(file.parent.relative_to(ROOT)): file.parent for file in PRODUCT if file.name == "__init__.py"}
TABLES = {"services/exporter/aftersend_exporter/rules"}
"""Packages whose docstring is a table from rule to function instead."""


def modules(folder: Path) -> set[str]:
    """The modules and packages directly inside."""
    return {file.stem for file in folder.glob("*.py")} - {"__init__"} | {
        file.parent.name for file in folder.glob("*/__init__.py")
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_it_names_every_module(name: str) -> None:
    text = docstring(PACKAGES[name] / "__init__.py")
    assert {module for module in modules(PACKAGES[name]) if not re.search(rf"\b{module}\b", text)} == set()


@pytest.mark.parametrize("name", sorted(PACKAGES.keys() - TABLES))
def test_it_says_that_this_is_the_reading_order(name: str) -> None:
    assert "n reading order:" in docstring(PACKAGES[name] / "__init__.py")
