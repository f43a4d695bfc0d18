"""The page about contracts names every snapshot, and no others."""

import re

from tests.contracts.product import ROOT
from tests.support.snapshots import SNAPSHOTS


def test_every_snapshot_has_its_row() -> None:
    page = (ROOT / "docs/dev/contracts.md").read_text()
    named = set(re.findall(r"`(\w+\.(?:txt|yaml))`", page))
    assert named == {file.name for file in SNAPSHOTS.iterdir()}
