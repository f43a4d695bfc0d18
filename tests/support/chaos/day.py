"""The day that every chaos test lives through: the same acts of the same people in the same order, whatever breaks.

    morning    all open orders go to Sendcloud
    noon       addresses are corrected, a held order is released; a second export
    afternoon  labels for every order, some of them colli; labels replaced, returns, parcels on their way
    evening    once all is written back: tags removed, numbers edited, labels cancelled, labels replaced; more pick-ups

Sendcloud gives parcel ids, and so numbers, in order of printing. So labels are printed order by order, by ascending
OrderID, and what a person does with an order that has to be written back first waits for the evening. Orders whose
labels are all cancelled have a single one: of several, the field keeps the one that was cancelled last, and webhooks
may report that in any order on the calmest day.
"""

from dataclasses import dataclass, field

from tests.support.chaos.scene import Scene


@dataclass(slots=True)
class Day:
    """The acts of one day; a test puts its misfortune between or beside them."""

    scene: Scene
    orders: list[str] = field(default_factory=list)
    """OrderIDs in Sendcloud, in order of printing."""

    async def morning(self) -> None:
        """Export, and let Sendcloud save it."""
        await self.scene.complete_run("export")
        await self.scene.control.settle()

    async def noon(self) -> None:
        """People correct what the second export has to bring."""
        control = self.scene.control
        orders = await control.orders()
        sent = set(await control.incoming())
        ordinary = [each for each in orders if each["scenario"] in ("shop", "ebay") and str(each["order_id"]) in sent]
        for each in ordinary[:5]:
            await control.correct_address(str(each["order_id"]))
        held = next(each for each in orders if each["scenario"] == "number_in_additional_info")
        await control.clear_number(str(held["order_id"]))
        await self.scene.complete_run("export")
        await control.settle()
        self.orders = sorted(await control.incoming(), key=int)

    async def afternoon(self) -> None:
        """Packers and carriers."""
        await self.print_first_half()
        await self.replace_labels()
        await self.print_second_half()

    async def print_first_half(self) -> None:
        """Labels for half of the orders."""
        await self.scene.control.print_labels(self.first_half)

    async def replace_labels(self) -> None:
        """New labels for some of them, perhaps before the old number is written back."""
        for order in self.relabelled:
            await self.scene.control.relabel(order)

    async def print_second_half(self) -> None:
        """The other labels; returns are announced and the first parcels leave."""
        await self.scene.control.print_labels(self.orders[len(self.first_half) :])
        for order in self.orders[20:26]:
            await self.scene.control.announce_return(order)
        for order in self.orders[22:40]:
            await self.scene.control.deliver(order)

    @property
    def first_half(self) -> list[str]:
        """Orders whose labels are printed first."""
        return self.orders[: len(self.orders) // 2]

    @property
    def relabelled(self) -> list[str]:
        """Orders whose label is replaced in the afternoon."""
        return self.orders[8:20]

    async def evening(self) -> None:
        """What people do to orders that have come all the way; each group has its own fate."""
        control = self.scene.control
        for order in self.orders[40:44]:
            await control.remove_tag(order)
        for order in self.orders[44:48]:
            await control.edit_number(order)
        for order in self.orders[52:58]:
            await control.cancel(order)
        for order in self.orders[55:65]:
            await control.relabel(order)
        for order in [*self.orders[16:20], *self.orders[40:46], *self.orders[60:90]]:
            await control.deliver(order)
        await control.create_foreign_parcels()

    async def written_back(self) -> None:
        """Sweep for what got lost on the way, until everything is where it belongs."""
        await self.scene.complete_run("sweep")
        await self.scene.quiet()


async def calm_day(scene: Scene) -> None:
    """The day without any misfortune."""
    day = Day(scene)
    await day.morning()
    await day.noon()
    await day.afternoon()
    await day.written_back()
    await day.evening()
    await day.written_back()
