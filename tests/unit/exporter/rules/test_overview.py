"""The list of rules in the package's docstring: every module stands in it, and every name in it exists."""

import importlib
import pkgutil
import re

from aftersend_exporter import rules

NAMED = [name.partition(".") for name in re.findall(r"``([\w.]+)``", rules.__doc__ or "")]


def test_every_module_of_the_rules_is_listed() -> None:
    assert {module for module, _, _ in NAMED} == {module.name for module in pkgutil.iter_modules(rules.__path__)}


def test_every_listed_name_exists() -> None:
    for module, _, name in NAMED:
        found = importlib.import_module(f"{rules.__name__}.{module}")
        assert not name or hasattr(found, name), f"{module}.{name}"
