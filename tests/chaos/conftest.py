"""The calm day that all disturbed days are compared with: lived through once per session."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.chaos.day import calm_day
from tests.chaos.picture import Picture, picture
from tests.chaos.scene import scene

_BERLIN = ZoneInfo("Europe/Berlin")


class Calm:
    """Pictures of calm days, by date: at midnight the window of the export moves, and other orders go."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._known: dict[str, Picture] = {}

    async def picture(self) -> Picture:
        """The picture of today's calm day."""
        today = datetime.now(_BERLIN).date().isoformat()
        if today not in self._known:
            async with scene(self._factory.mktemp("calm")) as calm:
                await calm_day(calm)
                broken = [rule for rule in await calm.control.verdict() if not rule["kept"]]
                assert not broken, f"the calm day itself breaks rules: {broken}\nlogs: {calm.demo.logs}"
                self._known[today] = await picture(calm)
        return self._known[today]


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """Where to get the picture of the calm day."""
    now = datetime.now(_BERLIN)
    if (now.hour, now.minute) >= (23, 50):
        pytest.skip("today becomes yesterday in a moment, and other orders would go")
    return Calm(tmp_path_factory)
