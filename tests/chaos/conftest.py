"""The calm day that all disturbed days are compared with: lived through once per session."""

from datetime import datetime

import pytest

from tests.support.chaos.calm import BERLIN, Calm


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """Where to get the picture of the calm day."""
    now = datetime.now(BERLIN)
    if (now.hour, now.minute) >= (23, 50):
        pytest.skip("today becomes yesterday in a moment, and other orders would go")
    return Calm(tmp_path_factory)
