"""Changes of names, streets, states and countries that make an ordinary order a scenario."""

from collections.abc import Callable

from aftersend_sandbox.seed.order_factory import OrderFactory
from aftersend_sandbox.seed.people import COMPANIES, SECOND_LINES, buyer, delivered_to
from aftersend_sandbox.seed.towns import REGIONS
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder


def both_addresses(order: AfterbuyOrder) -> list[AfterbuyAddress]:
    """Return both addresses of an order, so that a change shows wherever it is read."""
    return [each for each in (order.billing, order.shipping_address) if each]


def umlauts(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.first_name, address.last_name = "Änne-Zoë", "Süßübermäßig"
        address.street, address.city = "Große Äußere Königstraße 7", "Öhringen-Märchenhöfe"


def double_barrelled(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.first_name, address.last_name = "Karl-Heinz Jörg", "von Beispiel-Großkarton"


def very_long_name(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.first_name = "Maximiliane-Friederike Wilhelmine Theodora"
        address.last_name = "Freifrau von und zu Beispielhausen-Mustermannsdorf auf Schloss Platzhalterstein"


def _german_counter(factory: OrderFactory, order: AfterbuyOrder, kind: str) -> None:
    address = order.shipping_address = delivered_to(order.billing)
    address.street = f"{kind} {factory.random.randint(101, 799)}"
    address.street2 = str(factory.random.randint(10_000_000, 99_999_999))


def packing_station(factory: OrderFactory, order: AfterbuyOrder) -> None:
    _german_counter(factory, order, "Packstation")


def post_office(factory: OrderFactory, order: AfterbuyOrder) -> None:
    _german_counter(factory, order, "Postfiliale")


def company(factory: OrderFactory, order: AfterbuyOrder) -> None:
    name, line = factory.random.choice(COMPANIES), factory.random.choice(SECOND_LINES)
    for address in both_addresses(order):
        address.company, address.street2 = name, line
    order.billing.is_merchant, order.billing.tax_id = True, "DE999999999"


def house_number(street: str) -> Callable[[OrderFactory, AfterbuyOrder], None]:
    """A street that ends, or begins, unlike others."""

    def apply(_factory: OrderFactory, order: AfterbuyOrder) -> None:
        for address in both_addresses(order):
            address.street = street

    return apply


def other_recipient(factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.shipping_address = delivered_to(buyer(factory.random, factory.random.choice(REGIONS["germany"])))
    order.shipping_address.phone = ""


def billing_only(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.shipping_address = None


def shipping_empty(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.shipping_address = AfterbuyAddress(country="", country_iso="")


def no_address(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.shipping_address = None
    order.billing.street = order.billing.street2 = order.billing.postal_code = order.billing.city = ""


def otto_mail(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    order.billing.mail += " OTTO"


def mail(spelling: str) -> Callable[[OrderFactory, AfterbuyOrder], None]:
    """A mail address as people type it; ``{}`` is the buyer's own."""

    def apply(_factory: OrderFactory, order: AfterbuyOrder) -> None:
        order.billing.mail = spelling.format(order.billing.mail)

    return apply


def state(spelling: str) -> Callable[[OrderFactory, AfterbuyOrder], None]:
    """A state as people type it."""

    def apply(_factory: OrderFactory, order: AfterbuyOrder) -> None:
        for address in both_addresses(order):
            address.state = spelling

    return apply


def italian_province(factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.street, address.postal_code, address.city = "Via dell'Esempio 25", "00184", "Roma"
        address.country, address.country_iso = "I", "IT"
    state("Roma (RM)")(factory, order)


def greece_by_tax_code(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.street, address.postal_code, address.city = "Odos Paradeigma 7", "105 57", "Athina"
        address.country, address.country_iso = "GR", "EL"


def country_by_rare_plate(_factory: OrderFactory, order: AfterbuyOrder) -> None:
    for address in both_addresses(order):
        address.street, address.postal_code, address.city = "Slobodan Primer 7", "1000", "Ljubljana"
        address.country, address.country_iso = "SLO", ""
