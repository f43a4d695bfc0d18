"""The facts of a tenant after a restore: what is read again changes nothing, what is skipped is lost."""

import pytest

from aftersend.backup.restore import merged_facts
from aftersend.ledger.tenant_state import StateField


@pytest.mark.parametrize("name", ["export.start", "export.first", "export.highest"])
@pytest.mark.parametrize(
    ("live", "saved", "merged"),
    [("1000", "999", "999"), ("999", "1000", "999"), (None, "999", "999"), ("999", None, "999")],
)
def test_the_older_progress_of_exports_counts(
    name: StateField, live: str | None, saved: str | None, merged: str
) -> None:
    found = merged_facts({name: live} if live else {}, {name: saved} if saved else {})
    assert found[name] == merged


def test_the_later_success_counts() -> None:
    assert merged_facts({"success.export": "999"}, {"success.export": "1000"})["success.export"] == "1000"


@pytest.mark.parametrize("broken", ["47)1", "-1", "1e3", "٤٧", "9" * 5000, " "])
@pytest.mark.parametrize("name", ["export.start", "export.highest", "success.export"])
def test_a_number_that_is_none_counts_as_absent(name: StateField, broken: str) -> None:
    assert merged_facts({name: "1000"}, {name: broken})[name] == "1000"
    assert merged_facts({name: broken}, {name: "1000"})[name] == "1000"
    assert name not in merged_facts({name: broken}, {})
