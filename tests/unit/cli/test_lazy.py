"""The modules behind the commands: all of them exist, and nothing else is found."""

from importlib import import_module

import pytest

from aftersend.cli import lazy


@pytest.mark.parametrize("name", lazy.__all__)
def test_a_module_is_imported_when_it_is_used(name: str) -> None:
    assert getattr(lazy, name) is import_module(f"aftersend.cli.{name}")


def test_no_other_module_is_found() -> None:
    with pytest.raises(AttributeError, match="main"):
        getattr(lazy, "main")  # noqa: B009 - the attribute does not exist, and mypy knows
