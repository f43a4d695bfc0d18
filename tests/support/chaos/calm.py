"""The calm day that all disturbed days are compared with."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.chaos.day import calm_day
from tests.support.chaos.picture import Picture, picture
from tests.support.chaos.scene import scene

BERLIN = ZoneInfo("Europe/Berlin")


class Calm:
    """Pictures of calm days, by date: at midnight the window of the export moves, and other orders go."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._known: dict[str, Picture] = {}

    async def picture(self) -> Picture:
        """The picture of today's calm day."""
        today = datetime.now(BERLIN).date().isoformat()
        if today not in self._known:
            async with scene(self._factory.mktemp("calm")) as calm:
                await calm_day(calm)
                broken = [rule for rule in await calm.control.verdict() if not rule["kept"]]
                assert not broken, f"the calm day itself breaks rules: {broken}\nlogs: {calm.demo.logs}"
                self._known[today] = await picture(calm)
        return self._known[today]
