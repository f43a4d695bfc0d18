from pathlib import Path

import pytest

from aftersend_operator.model.reasons import ConditionReason

GUIDE = Path(__file__).resolve().parents[3] / "docs/guides/conditions.md"


@pytest.mark.parametrize("reason", list(ConditionReason))
def test_the_guide_explains_every_reason(reason: ConditionReason) -> None:
    assert f"`{reason.value}`" in GUIDE.read_text()
