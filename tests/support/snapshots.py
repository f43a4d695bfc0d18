"""Compare text with a snapshot file, or write it: ``pytest tests/contracts tests/chart --update-contracts``."""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

SNAPSHOTS = Path(__file__).resolve().parents[1] / "contracts" / "snapshots"
Compare = Callable[[str, str], None]
_HOW = "If the change is intended (docs/dev/contracts.md): pytest {test} --update-contracts"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch for an intended change."""
    parser.addoption("--update-contracts", action="store_true", help="write the snapshots of the contracts anew")


@pytest.fixture
def contract(request: pytest.FixtureRequest) -> Compare:
    """``contract("name.txt", text)`` fails with a diff unless the snapshot of that name holds this text."""

    def compare(name: str, text: str) -> None:
        file = SNAPSHOTS / name
        pinned = file.read_text() if file.exists() else ""
        if text == pinned:
            return
        if request.config.getoption("update_contracts"):
            file.write_text(text)
            return
        diff = difflib.unified_diff(
            pinned.splitlines(), text.splitlines(), f"pinned/{name}", f"now/{name}", lineterm=""
        )
        test = request.node.path.relative_to(request.config.rootpath)
        pytest.fail("\n".join([*diff, _HOW.format(test=test)]), pytrace=False)

    return compare


def lines(rows: Iterable[str]) -> str:
    """Sorted lines."""
    return "".join(f"{row}\n" for row in sorted(rows))


def as_yaml(value: object) -> str:
    """YAML with sorted keys, one value per line."""
    return yaml.safe_dump(value, sort_keys=True, width=120, allow_unicode=True, default_flow_style=False)
