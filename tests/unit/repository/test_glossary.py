"""The glossary's names are those of the code, and its former names are gone from it."""

import re
from pathlib import Path

import pytest

from tests.support.sources import PRODUCT, defined_names, member_exists

ROOT = Path(__file__).resolve().parents[3]
ROWS = re.findall(
    r"^\| ([^|`]+) \| ([^|]+) \| `([\w.]+)` \|([^|]*)\|$", (ROOT / "docs/dev/glossary.md").read_text(), re.MULTILINE
)
FORMER = [(name, term) for term, _, _, former in ROWS for name in re.findall(r"`(\w+)`", former)]


def test_it_is_read_as_a_whole() -> None:
    lines = [line for line in (ROOT / "docs/dev/glossary.md").read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == sum(not line.startswith("| term |") for line in lines) >= 40
    assert len({term for term, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("term", "name"), [(term, name) for term, _, name, _ in ROWS])
def test_every_term_is_spelled_as_in_the_code(term: str, name: str) -> None:
    assert member_exists(name), f"{term}: {name} is neither a module nor a name in one"


@pytest.mark.parametrize(("name", "term"), FORMER)
def test_former_names_do_not_come_back(name: str, term: str) -> None:
    places = [
        f"{file.relative_to(ROOT)}:{line}" for file in PRODUCT for other, line in defined_names(file) if other == name
    ]
    assert not places, f"the glossary calls this {term}"
